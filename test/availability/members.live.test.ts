/**
 * I3, I4, I6, I7 with two members of each service: the death of the active one moves its work
 * within seconds, and all can be replaced one after the other under load without a stop.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SERVICES } from '../../services/control/cli/service.ts';
import { Recovery } from '../soak/recovery.ts';
import type { MysqlEndpoint, Servers } from '../support/servers/servers.ts';
import { Applied } from './applied.ts';
import { active, FLOWING } from './flow.ts';
import { Rig, SLOW_COPY, startTwoTargets } from './rig.ts';

const MINUTES = 60_000;
const FLOWS_WITHIN_MS = 10_000;
/** RESHARD_KILLS=n kills each service n times: more figures for the table of recovery times. */
const KILLS = Number(process.env.RESHARD_KILLS ?? 1);

let mysql: Servers;
let source: MysqlEndpoint;
let targets: MysqlEndpoint[];

beforeAll(async () => {
  ({ mysql, source, targets } = await startTwoTargets(151));
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

describe('two members of each service', () => {
  test(
    'the work of one that is killed flows again within ten seconds',
    async () => {
      await using rig = await Rig.open({
        source,
        targets,
        orders: 8_000,
        options: { ...SLOW_COPY, snapshotRowsPerSecond: 300, snapshotWorkers: 4 },
      });
      await using load = rig.load(200);
      rig.startAll(SERVICES, 2);
      await rig.until('rows', async () => (await rig.copiedRows()) > 100, MINUTES);
      const recovery = new Recovery();
      const order = ['snapshot', 'binlog', 'sink', 'checker', 'control'] as const;
      for (const service of order.flatMap(s => Array<typeof s>(KILLS).fill(s))) {
        const killed = await active(rig, service);
        const flows = await FLOWING[service](rig, targets);
        const killedAt = performance.now();
        await rig.end(killed, 'SIGKILL');
        await rig.until(`${service} to flow again`, flows, 30_000);
        const ms = performance.now() - killedAt;
        recovery.add(service, ms);
        expect(ms, `${service}\n${rig.evidence()}`).toBeLessThan(FLOWS_WITHIN_MS);
        // Where another kill follows, somebody has to stand by again.
        if (KILLS > 1) await rig.startReady(service);
        else rig.start(service);
      }
      console.log(`SIGKILL of the active one of two members\n${recovery.table()}`);
      rig.editOptions({ snapshotRowsPerSecond: 0 });
      for (const member of rig.running('snapshot')) {
        await rig.end(member, 'SIGTERM');
        rig.start('snapshot');
      }
      await load.stop();
      await rig.copied();
      await rig.drained();
      await rig.expectEqual();
    },
    5 * MINUTES,
  );

  test(
    'all are replaced one after the other under load, and the lag stays small',
    async () => {
      await using rig = await Rig.open({ source, targets, orders: 2_000 });
      await using load = rig.load(150);
      rig.startAll(SERVICES, 2);
      await rig.copied();
      await using applied = await Applied.open(targets, rig.database);
      applied.watch();
      for (const service of SERVICES) {
        for (const member of rig.running(service)) {
          await rig.startReady(service);
          expect(await rig.end(member, 'SIGTERM'), member.name).toBe(0);
          console.log(`${member.name} replaced, longest stop ${Math.round(applied.worstMs)} ms`);
        }
      }
      const worstMs = await applied.stop();
      console.log(`longest stop of a partition ${Math.round(worstMs)} ms (${applied.worstAt})`);
      expect(worstMs).toBeLessThan(FLOWS_WITHIN_MS);
      await load.stop();
      await rig.drained();
      await rig.expectEqual();
    },
    5 * MINUTES,
  );
});
