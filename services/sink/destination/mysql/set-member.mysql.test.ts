/** I6: a SET whose member '' is chosen is the same where a row is written over another one. */
import { expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import type { TextRow } from '../../../../test/support/sink/log-maker.ts';

test.each([
  ['alone', ''],
  ['with a unique key', ', UNIQUE KEY (u)'],
])('every choice of members comes over the one before: %s', async (name, unique) => {
  await using db = await AppliedTable.create({
    endpoint: commonServer('t1'),
    database: `sink_set_${unique.length}`,
    name: 's',
    ddl: `CREATE TABLE s (id INT PRIMARY KEY, shard INT NOT NULL, u INT NOT NULL,
      s SET('x', '', 'y', 'z z') NULL${unique})`,
    shardColumn: 'shard',
  });
  const { log, job } = await db.fresh(1);
  const choices = Array.from({ length: 16 }, (_, mask) => String(mask));
  const row = (mask: string, s: string): TextRow => [Number(mask), 0, Number(mask), s];
  log.append(0, ...choices.map(mask => ({ op: 'c' as const, after: row(mask, '9') })));
  await using member = db.member(log, job);
  await member.reached(0, log.release(0));
  const changes = choices.map(mask => ({
    op: 'u' as const,
    before: row(mask, '9'),
    after: row(mask, mask),
  }));
  log.append(0, ...changes);
  await member.reached(0, log.release(0));
  const found = await db.session.query<{ s: string }>(
    'SELECT CAST(s AS UNSIGNED) AS s FROM s ORDER BY id',
  );
  expect(
    found.map(r => String(r.s)),
    name,
  ).toEqual(choices);
});
