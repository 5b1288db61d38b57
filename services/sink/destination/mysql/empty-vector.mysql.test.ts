/** I10: a row that no statement writes stops its key and nothing else, until it is another one. */
import { expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';

/** Blocked keys are not tried again while the test runs. */
const LATER = { blockedMinMs: 600_000, blockedMaxMs: 600_000 };
const IS_MARIADB = process.env.RESHARD_DATABASE === 'mariadb';

test.skipIf(IS_MARIADB)('a vector of no numbers blocks its key until it has some', async () => {
  const t1 = commonServer('t1');
  await using db = await AppliedTable.create({
    endpoint: t1,
    database: 'sink_vector',
    name: 'w',
    ddl: 'CREATE TABLE w (id INT PRIMARY KEY, shard INT NOT NULL, v VECTOR(3) NOT NULL)',
    shardColumn: 'shard',
  });
  const { log, job } = await db.fresh(1);
  const numbers = (n: number): string => '\0'.repeat(4 * n);
  log.append(0, { op: 'c', after: [1, 0, ''] }, { op: 'c', after: [2, 0, numbers(2)] });
  await using member = db.member(log, job, { schedule: LATER });
  await member.reached(0, log.release(0));
  expect(member.blocked).toEqual([0]);
  expect(await stored()).toEqual(['2 8']);
  log.append(0, { op: 'u', before: [1, 0, ''], after: [1, 0, numbers(3)] });
  await member.reached(0, log.release(0));
  expect(member.blocked).toEqual([]);
  expect(await stored()).toEqual(['1 12', '2 8']);

  async function stored(): Promise<string[]> {
    const rows = await db.session.query<{ id: number; n: number }>(
      'SELECT id, LENGTH(v) AS n FROM w ORDER BY id',
    );
    return rows.map(r => `${r.id} ${r.n}`);
  }
});
