/**
 * A key column that the server moves by itself: ON UPDATE CURRENT_TIMESTAMP. Where an upsert finds
 * the row and changes other columns, the key must stay what it is, or the row is lost to its log.
 */
import { expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';

const AT = '2020-02-03 04:05:06.000007';

test.each(['', ', UNIQUE KEY by_v (v)'])('a key with a clock stays%s', async uniques => {
  const t1 = commonServer('t1');
  await using db = await AppliedTable.create({
    endpoint: t1,
    database: 'sink_key_clock',
    name: 'c',
    ddl: `CREATE TABLE c (id VARBINARY(9) NOT NULL,
          at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
          shard INT NOT NULL, v INT NOT NULL, PRIMARY KEY (id, at)${uniques})`,
    shardColumn: 'shard',
  });
  const { log, job } = await db.fresh(1);
  await using member = db.member(log, job);
  log.append(
    0,
    { op: 'r', after: ['a', AT, 0, 5] },
    { op: 'c', after: ['a', AT, 0, 4] },
    { op: 'u', before: ['a', AT, 0, 4], after: ['a', AT, 0, 5] },
  );
  for (let i = 0; i < 3; i++) await member.reached(0, log.release(0, 1));
  expect(await db.rows()).toEqual([`a,${AT},0,5`]);
  log.append(0, { op: 'd', before: ['a', AT, 0, 5] });
  await member.reached(0, log.release(0));
  expect(await db.rows()).toEqual([]);
});
