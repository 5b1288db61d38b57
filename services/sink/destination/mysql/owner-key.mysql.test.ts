/**
 * I5, I6 with two sources on one target, for keys of several columns that a server does not find by
 * row values: a list of them is of one source, as a whole.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../../../shared/runtime/log.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import type { TextRow } from '../../../../test/support/sink/log-maker.ts';
import { TwoSources } from '../../../../test/support/sink/two-sources.ts';
import { MysqlDestination } from './mysql-destination.ts';

const SERVER = 't1';
/** Types of a key's first column, and two values of each as a copy reads them. */
const TYPES: Record<string, { type: string; keys: readonly [string, string] }> = {
  enum: { type: "ENUM('', '0', 'x')", keys: ['1', '2'] },
  error_value: { type: "ENUM('', '0', 'x')", keys: ['0', '1'] },
  bit: { type: 'BIT(8)', keys: ['\u0001', '\u0002'] },
  ucs2: { type: 'VARCHAR(9) CHARACTER SET ucs2', keys: ['\0a', '\0b'] },
  integer: { type: 'INT', keys: ['1', '2'] },
};
const logger = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });

describe.each(Object.entries(TYPES))('%s', (name, { type, keys: [k1, k2] }) => {
  let made: AppliedTable;
  let jobs = 0;

  beforeAll(async () => {
    made = await AppliedTable.create({
      endpoint: commonServer(SERVER),
      database: `sink_owner_${name}`,
      name: 't',
      ddl: `CREATE TABLE t (
        k ${type} NOT NULL, n INT NOT NULL, shard INT NOT NULL, v INT NOT NULL, PRIMARY KEY (k, n))`,
      shardColumn: 'shard',
    });
  });
  afterAll(() => made?.[Symbol.asyncDispose]());

  async function open(): Promise<TwoSources> {
    jobs += 1;
    await made.session.rawQuery('DELETE FROM t');
    const job = `own_${name}_${jobs}`;
    const endpoint = {
      ...commonServer(SERVER),
      name: 't0',
      kind: 'mysql',
      database: made.database,
    };
    const owner = { job, jobId: `${job}#1`, identity: null };
    const target = new MysqlDestination(0, endpoint as never, owner, logger);
    return TwoSources.open({ schema: made.table.schema, targets: [target], shared: true });
  }

  const row = (k: string, v: number): TextRow => [k, 1, 0, v];

  async function values(): Promise<number[]> {
    const rows = await made.session.query<{ v: number }>('SELECT v FROM t ORDER BY v');
    return rows.map(r => Number(r.v));
  }

  test('deletes of a source, of its own key and of one that the other has, take its own', async () => {
    await using two = await open();
    const [a, b] = two.logs;
    a?.append({ op: 'c', after: row(k1, 1) });
    await two.sides[0]?.take(two.logs, [1, 0]);
    // The second key has gone over to b, whose log comes first.
    a?.append({ op: 'd', before: row(k1, 1) });
    a?.append({ op: 'c', after: row(k2, 2) }, { op: 'd', before: row(k2, 2) });
    b?.append({ op: 'c', after: row(k2, 3) });
    await two.sides[0]?.take(two.logs, [0, 1]);
    await two.finish();
    expect(await values()).toEqual([3]);
  });

  test('rows wait for keys of the other source, and come when it lets go', async () => {
    await using two = await open();
    const [a, b] = two.logs;
    a?.append({ op: 'c', after: row(k1, 1) }, { op: 'c', after: row(k2, 2) });
    await two.sides[0]?.take(two.logs, [2, 0]);
    b?.append({ op: 'c', after: row(k1, 3) }, { op: 'c', after: row(k2, 4) });
    await two.finish();
    expect(await values()).toEqual([1, 2]);
    a?.append({ op: 'd', before: row(k2, 2) });
    await two.finish();
    expect(await values()).toEqual([1, 4]);
  });
});
