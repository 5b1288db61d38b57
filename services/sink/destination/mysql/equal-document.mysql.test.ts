/** I6: a row that went and came again with a document that MySQL holds equal is the new one. */
import { expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';

test('a number of another kind in a document is brought by a delete and an insert', async () => {
  await using db = await AppliedTable.create({
    endpoint: commonServer('t1'),
    database: 'sink_document',
    name: 'd',
    ddl: 'CREATE TABLE d (id INT PRIMARY KEY, shard INT NOT NULL, j JSON)',
    shardColumn: 'shard',
  });
  const { log, job } = await db.fresh(1);
  const rows = [1, 2, 3].map(id => [id, 0, '{"a":1}']);
  log.append(0, ...rows.map(after => ({ op: 'c' as const, after })));
  await using member = db.member(log, job);
  await member.reached(0, log.release(0));
  const [one, two] = ['{"a":1.0}', '{"a":2}'];
  log.append(
    0,
    { op: 'd', before: [1, 0, '{"a":1}'] },
    { op: 'c', after: [1, 0, one] },
    { op: 'd', before: [2, 0, '{"a":1}'] },
    { op: 'c', after: [2, 0, two] },
    { op: 'u', before: [2, 0, two], after: [2, 0, one] },
  );
  await member.reached(0, log.release(0));
  const found = await db.session.query<{ id: number; j: string }>(
    'SELECT id, CAST(j AS CHAR) AS j FROM d ORDER BY id',
  );
  const stored = found.map(r => `${r.id} ${r.j.replace(' ', '')}`);
  expect(stored).toEqual([`1 ${one}`, `2 ${one}`, '3 {"a":1}']);
});
