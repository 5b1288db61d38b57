/**
 * A column that its source has renamed is written to by the name that the target has it under, also
 * when the target changes that between two transactions; and where two columns might be meant,
 * nothing is written.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../../../shared/runtime/log.ts';
import { withRenames } from '../../../../shared/schema/column-rename.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import { TwoSources } from '../../../../test/support/sink/two-sources.ts';
import { MysqlDestination } from './mysql-destination.ts';

const log = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });

let made: AppliedTable;

beforeAll(async () => {
  made = await AppliedTable.create({
    ...{ endpoint: commonServer('t1'), database: 'sink_renamed', name: 't', shardColumn: 'shard' },
    ddl: `CREATE TABLE t (id INT NOT NULL PRIMARY KEY, shard INT NOT NULL, old INT NOT NULL,
      e ENUM('x') NOT NULL, UNIQUE KEY (old))`,
  });
});

afterAll(() => made[Symbol.asyncDispose]());

const values = async (column: string): Promise<string[]> => {
  const found = await made.session.query<{ id: number; v: number; e: number }>(
    `SELECT id, ${column} AS v, e + 0 AS e FROM t ORDER BY id`,
  );
  return found.map(r => `${r.id} ${r.v} ${r.e}`);
};

test('it is written to by the name that it has there, and by none where that is unclear', async () => {
  const { database, table } = made;
  const endpoint = { ...commonServer('t1'), name: 't0', kind: 'mysql', database };
  const owner = { job: 'renamed', jobId: 'renamed#1', identity: null };
  const targets = [new MysqlDestination(0, endpoint as never, owner, log)];
  const schema = withRenames(table.schema, [
    { from: 'old', to: 'fresh' },
    { from: 'e', to: 'kind' },
  ]);
  const renamed = [
    { column: 'fresh', was: ['old', 'mid'] },
    { column: 'kind', was: ['e'] },
  ];
  const open = () => TwoSources.open({ schema, targets, shared: false, renamed });
  await using two = await open();
  const [source] = two.logs;
  // One has the error value of the ENUM, which a strict session takes from nobody.
  source?.append({ op: 'c', after: [1, 0, 5, 0] }, { op: 'c', after: [2, 0, 6, 1] });
  await two.finish();
  expect(await values('old')).toEqual(['1 5 0', '2 6 1']);
  for (const name of ['old TO mid', 'mid TO fresh']) {
    await made.session.rawQuery(`ALTER TABLE t RENAME COLUMN ${name}`);
    source?.append({ op: 'u', before: [1, 0, 5, 0], after: [1, 0, 7, 1] });
    source?.append({ op: 'u', before: [1, 0, 7, 1], after: [1, 0, 5, 1] });
    await two.finish();
    expect(await values(name.split(' ').at(-1) ?? '')).toEqual(['1 5 1', '2 6 1']);
  }
  await made.session.rawQuery('ALTER TABLE t ADD COLUMN old INT');
  await expect(open()).rejects.toThrow(/fresh and old are both there/);
});
