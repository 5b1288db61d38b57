/** I6: a row whose document has become one that MySQL holds equal is the new one all the same. */
import { expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';

test('a number of another kind in a document is brought by several events of one batch', async () => {
  await using db = await AppliedTable.create({
    endpoint: commonServer('t1'),
    database: 'sink_document',
    name: 'd',
    ddl: 'CREATE TABLE d (id INT PRIMARY KEY, shard INT NOT NULL, v INT NOT NULL, j JSON)',
    shardColumn: 'shard',
  });
  const { log, job } = await db.fresh(1);
  type Row = [number, number, number, string];
  const row = (id: number, v: number, n: string): Row => [id, 0, v, `{"a":${n}}`];
  log.append(0, ...[1, 2, 3, 4].map(id => ({ op: 'c' as const, after: row(id, 7, '1') })));
  await using member = db.member(log, job);
  await member.reached(0, log.release(0));
  log.append(
    0,
    { op: 'd', before: row(1, 7, '1') },
    { op: 'c', after: row(1, 7, '1.0') },
    { op: 'd', before: row(2, 7, '1') },
    { op: 'c', after: row(2, 7, '2') },
    { op: 'u', before: row(2, 7, '2'), after: row(2, 7, '1.0') },
    // The source has written both: each time another column has changed with it, or the document.
    { op: 'u', before: row(3, 7, '1'), after: row(3, 8, '1.0') },
    { op: 'u', before: row(3, 8, '1.0'), after: row(3, 7, '1.0') },
  );
  await member.reached(0, log.release(0));
  const found = await db.session.query<{ id: number; v: number; j: string }>(
    'SELECT id, v, CAST(j AS CHAR) AS j FROM d ORDER BY id',
  );
  const stored = found.map(r => [Number(r.id), 0, Number(r.v), r.j.replace(' ', '')]);
  expect(stored).toEqual([row(1, 7, '1.0'), row(2, 7, '1.0'), row(3, 7, '1.0'), row(4, 7, '1')]);
});
