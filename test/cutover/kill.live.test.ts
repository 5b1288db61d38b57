/**
 * I11: control is killed at every step of a cutover, under writes, and started again: before the
 * journal the sources take writes again and the job goes on; from it on the application is let onto
 * the targets, and every write that was acknowledged is there. `npm run crash` runs it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAILPOINTS, type Failpoint } from '../../shared/runtime/failpoint.ts';
import { SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { Writer } from './writer.ts';

const MINUTES = 60_000;
const KILLED = 128;
const PROBE = { user: 'app', password: 'app' };
const READ_ONLY = 'SELECT @@global.super_read_only + @@global.read_only';
const AFTER: readonly Failpoint[] = [FAILPOINTS.cutoverAfterJournal, FAILPOINTS.cutoverAfterOpen];
/** Of a job without a way back; all others are in `npm run cutover -- --kills all`. */
const POINTS: readonly Failpoint[] = [
  FAILPOINTS.cutoverBeforeFreeze,
  FAILPOINTS.cutoverAfterFreeze,
  FAILPOINTS.cutoverBeforeJournal,
  ...AFTER,
];

let mysql: Servers;

beforeAll(async () => {
  mysql = await ShopJob.servers();
}, 3 * MINUTES);

afterAll(() => mysql[Symbol.asyncDispose]());

test.each(POINTS)(
  'killed at %s',
  async point => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-open-'));
    const opened = path.join(dir, 'opened');
    const cutover = { probe: PROBE, ids: 'application', open: `echo x >> ${opened}` };
    await using job = await ShopJob.prepare({ mysql, orders: 300, cutover });
    await using admin = await LoadClient.open(job.source);
    try {
      await admin.run(`CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY 'app'`);
      await admin.run(
        `ALTER TABLE ${job.database}.orders
           MODIFY order_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT`,
      );
      await admin.run(`GRANT SELECT, INSERT, UPDATE ON ${job.database}.* TO app@'%'`);
      job.start(...SERVICES.filter(s => s !== 'control'));
      const killed = job.startArmed('control', point);
      await job.copied();
      await using writer = await Writer.start({ ...job.source, ...PROBE }, job.database, 1000);
      expect((await job.verify()).code).toBe(0);
      await job.until('the job', s => s.headline.level === 'good', MINUTES);
      const going = callReshard('cutover', job.jobFile, '--yes', '--json', '--wait', '60');
      const first = await Promise.race([killed, going]);
      expect(first, JSON.stringify(first)).toBe(KILLED);
      job.start('control');
      const { code, out } = await going;
      const isOver = AFTER.includes(point);
      const stage = JSON.parse(out).run?.stage;
      console.log(
        `${point}: ${stage}, exit code ${code}, writer: ${writer.refused ?? 'writes on'}`,
      );
      expect(code).toBe(isOver ? 0 : 1);
      expect(stage).toBe(isOver ? 'switched' : 'undone');
      expect(await admin.value(READ_ONLY)).toBe(isOver ? '2' : '0');
      const isUntouched = point === FAILPOINTS.cutoverBeforeFreeze;
      if (isUntouched) expect(writer.refused).toBeNull();
      else expect(writer.refused).toMatch(/read-only/);
      expect(writer.done.length).toBeGreaterThan(20);
      await writer.stop();
      await job.drained();
      await job.expectEqual();
      if (isOver) expect(readFileSync(opened, 'utf8')).toMatch(/^(x\n){1,2}$/);
      else expect(() => readFileSync(opened)).toThrow(/ENOENT/);
      const rows = await admin.value(
        `SELECT COUNT(*) FROM ${job.database}.orders WHERE order_no LIKE 'W-%'`,
      );
      expect(Number(rows)).toBeGreaterThanOrEqual(writer.done.length);
    } finally {
      await admin.run('SET GLOBAL super_read_only = OFF');
      await admin.run('SET GLOBAL read_only = OFF');
      await admin.run('RESET PERSIST IF EXISTS super_read_only');
      rmSync(dir, { recursive: true, force: true });
    }
  },
  5 * MINUTES,
);
