/**
 * Tables that change while a job has a way back: on the sources before the application goes over,
 * on the targets while it is there, and on the sources again. Neither log stands for good, and the
 * application comes back with all that it has written.
 * Enforces I14.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DdlList } from '../../services/control/command/ddl-list.ts';
import type { Status } from '../../services/control/status/status.ts';
import { until } from '../../shared/runtime/clock.ts';
import type { ShopJob } from '../pipeline/shop-job.ts';
import { targetName } from '../support/job-file.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Application } from './application.ts';
import { ShopMove } from './shop-move.ts';

const MINUTES = 60_000;

let move: ShopMove;
let job: ShopJob;
let app: Application;

beforeAll(async () => {
  move = await ShopMove.begin({ limits: { maxTransactionSeconds: 20 } });
  ({ job, app } = move);
}, 3 * MINUTES);

afterAll(() => move?.[Symbol.asyncDispose](), MINUTES);

async function onTarget(target: number, ...statements: string[]): Promise<void> {
  await using client = await job.sql(target);
  for (const sql of statements) await client.insist(sql);
}

/** How often columns were taken up, of either log: a line for each, by the server's number. */
function taken(table: string): string[] {
  return job
    .logOf('control')
    .filter(l => l.includes('columns are taken up') && l.includes(`"${table}"`))
    .map(l => /"source":"[^"]*-([st]\d)"/.exec(l)?.[1] ?? '')
    .sort();
}

/** The log of the first target stands at a statement. */
async function halted(): Promise<void> {
  const at = (): boolean =>
    /halted: .*-t1: .*\(gtid=\S+/.test(job.status?.wayBack?.headline?.text ?? '');
  await until(at, { timeoutMs: MINUTES, what: 'the halt' });
}

const isGood = ({ headline, wayBack }: Status): boolean =>
  headline.level === 'good' && wayBack?.headline?.level === 'good' && !wayBack.isTurning;

/** Both logs have met what was changed, and go on by themselves: halts on the way are expected. */
async function goesOn(table: string, times: string): Promise<void> {
  const what = `${table} to be taken up at ${times}`;
  await until(() => taken(table).join(' ') === times, { timeoutMs: 2 * MINUTES, what });
  await isWell();
}

async function isWell(): Promise<void> {
  const before = job.status;
  const is = (): boolean => job.status !== undefined && job.status !== before && isGood(job.status);
  await until(is, { timeoutMs: MINUTES, what: 'both logs to go on' });
}

test(
  'columns that come to the sources do not stop the log of the targets',
  async () => {
    app.start();
    await app.more(20);
    await job.onSource(
      0,
      'ALTER TABLE customers ADD COLUMN tag VARCHAR(9), ADD level INT NOT NULL DEFAULT 7',
      "UPDATE customers SET tag = 'x', level = 8 WHERE customer_id % 3 = 0",
      'ALTER TABLE customers ALTER COLUMN level DROP DEFAULT',
    );
    await goesOn('customers', 's1 t1 t1 t2 t2');
  },
  4 * MINUTES,
);

test(
  'columns that come to the targets while the application is there come back with it',
  async () => {
    expect((await job.verify()).code).toBe(0);
    await move.go('cutover');
    await app.more(50);
    const columns = [
      'ALTER TABLE orders ADD COLUMN note VARCHAR(20), ADD grade INT NOT NULL DEFAULT 3',
      "UPDATE orders SET note = CONCAT('n', order_id), grade = order_id % 9 WHERE order_id % 2 = 0",
    ];
    await onTarget(0, ...columns);
    await until(() => job.logOf('control').some(l => l.includes('as the other servers are')), {
      timeoutMs: MINUTES,
      what: 'control to wait for the other target',
    });
    // Had control altered it, this would be refused: the application's servers are its own.
    await onTarget(1, ...columns);
    await goesOn('orders', 's1 s1 t1 t2');
    // Both at once: the sources are altered once.
    await Promise.all([0, 1].map(t => onTarget(t, 'ALTER TABLE orders MODIFY note VARCHAR(200)')));
    const long = "UPDATE orders SET note = REPEAT('y', 150) WHERE order_id % 10 = 0";
    await Promise.all([0, 1].map(t => onTarget(t, long)));
    await app.more(50);
    await goesOn('orders', 's1 s1 s1 t1 t1 t2 t2');
  },
  4 * MINUTES,
);

test(
  'what is not taken up is undone and passed over, and the way is open again',
  async () => {
    const name = targetName({ job: job.name, cutover: { back: {} } }, 0);
    await onTarget(0, 'ALTER TABLE customers ADD born DATETIME DEFAULT CURRENT_TIMESTAMP');
    await halted();
    const list = await callReshard('ddl', 'list', job.jobFile, '--json');
    const { open }: DdlList = JSON.parse(list.out);
    expect(open.map(o => o.source)).toEqual([name]);
    expect(open[0]?.error).toMatch(new RegExp(`reshard ddl skip \\S+ --source ${name}`));
    expect(open[0]?.error).not.toMatch(/recopy/);
    const shut = await callReshard('rollback', job.jobFile, '--yes', '--json');
    expect(shut.code, shut.out + shut.err).toBe(7);
    const skip = ['ddl', 'skip', job.jobFile, '--source', name, '--yes'] as const;
    expect((await callReshard(...skip)).err).toMatch(/not as planned any more: customers/);
    await onTarget(0, 'ALTER TABLE customers DROP COLUMN born');
    // What drops a column that the job has never had needs no word.
    const { code, out, err } = await callReshard(...skip);
    expect(code, out + err).toBe(0);
    const why = (): string => job.status?.proofs.find(p => p.table === 'customers')?.why ?? '';
    const what = 'the proofs to be taken back by the word of the operator';
    await until(() => why().includes('passed over'), { timeoutMs: MINUTES, what });
    await isWell();
  },
  4 * MINUTES,
);

test(
  'the application comes back with all of it',
  async () => {
    await app.more(50);
    await move.go('rollback');
    await app.more(50);
    await app.stop();
    await job.drained();
    await job.expectEqual();
    expect(await app.forgotten('back')).toEqual([]);
    expect(await app.forgotten('over')).toEqual([]);
    await using source = await job.sql();
    const [[notes, grades] = []] = await source.rows(
      'SELECT MAX(LENGTH(note)), COUNT(DISTINCT grade) FROM orders',
    );
    expect([Number(notes), Number(grades)]).toEqual([150, 9]);
    await givenUp();
  },
  6 * MINUTES,
);

/** After a rollback the move is ended for good: the targets are anybody's again. */
async function givenUp(): Promise<void> {
  const finish = ['finish', job.jobFile, '--release-targets', '--yes'] as const;
  const beside = await callReshard(...finish);
  expect(beside.out + beside.err).toMatch(/would go on writing to the targets/);
  for (const service of ['sink', 'binlog'] as const) await job.end(service, 'SIGTERM');
  const end = await callReshard(...finish);
  expect(end.out, end.err).toMatch(/finished; the targets take writes again; no table was dropped/);
  for (const target of [0, 1]) {
    await using client = await job.sql(target);
    expect(await client.value('SELECT @@global.super_read_only + @@global.read_only')).toBe('0');
  }
  const after = await callReshard('verify', job.jobFile);
  expect(after.err).toMatch(/the application stays on the sources/);
}
