/** I6: values in documents are of the types that the source has made them of, on the target too. */
import { expect, test } from 'vitest';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';

const IS_MARIADB = process.env.RESHARD_DATABASE === 'mariadb';
/** Blocked keys are not tried again while the test runs. */
const LATER = { blockedMinMs: 600_000, blockedMaxMs: 600_000 };

test.skipIf(IS_MARIADB)(
  'marked values are written as what they are, by inserts, upserts and retries',
  async () => {
    await using db = await AppliedTable.create({
      endpoint: commonServer('t1'),
      database: 'sink_json_kinds',
      name: 'd',
      ddl: `CREATE TABLE d (id INT PRIMARY KEY, shard INT NOT NULL, v INT NOT NULL, j JSON,
      UNIQUE KEY (v))`,
      shardColumn: 'shard',
    });
    const { log, job } = await db.fresh(1);
    type Row = [number, number, number, string];
    // TAB TAB is a DECIMAL, TAB LF an UNSIGNED INTEGER, TAB CR a DATE.
    const first = '{"a": 1.50\t\t, "it\'s": [1, 2\t\n, {"k": "2024-01-02"\t\r}]}';
    const then = '{"a": 1.5, "it\'s": [1\t\n, 2\t\t, {"k": "2024-01-02"}]}';
    const row = (id: number, v: number, j: string): Row => [id, 0, v, j];
    log.append(
      0,
      { op: 'c', after: row(1, 1, first) },
      { op: 'c', after: row(2, 2, then) },
      { op: 'c', after: row(3, 3, '1.50\t\t') },
    );
    await using member = db.member(log, job);
    await member.reached(0, log.release(0));
    const kinds = async (): Promise<string[]> => {
      const at = ['$.a', '$."it\'s"[0]', '$."it\'s"[1]', '$."it\'s"[2].k'].map(path => {
        return `IFNULL(JSON_TYPE(JSON_EXTRACT(j, "${path.replaceAll('"', '""')}")), '-')`;
      });
      const found = await db.session.query<{ k: string }>(
        `SELECT CONCAT_WS(' ', id, JSON_TYPE(j), ${at.join(',')}) AS k FROM d ORDER BY id`,
      );
      return found.map(r => r.k);
    };
    expect(await kinds()).toEqual([
      '1 OBJECT DECIMAL INTEGER UNSIGNED INTEGER DATE',
      '2 OBJECT DOUBLE UNSIGNED INTEGER DECIMAL STRING',
      '3 DECIMAL - - - -',
    ]);
    log.append(
      0,
      // Two rows change places by their unique values, which takes more than an upsert.
      { op: 'u', before: row(1, 1, first), after: row(1, 9, then) },
      { op: 'u', before: row(2, 2, then), after: row(2, 1, first) },
      { op: 'u', before: row(1, 9, then), after: row(1, 2, then) },
      { op: 'u', before: row(3, 3, '1.50\t\t'), after: row(3, 4, '2\t\n') },
    );
    await member.reached(0, log.release(0));
    expect(await kinds()).toEqual([
      '1 OBJECT DOUBLE UNSIGNED INTEGER DECIMAL STRING',
      '2 OBJECT DECIMAL INTEGER UNSIGNED INTEGER DATE',
      '3 UNSIGNED INTEGER - - - -',
    ]);
  },
);

test.skipIf(IS_MARIADB)('an instant that no column holds blocks its key alone', async () => {
  await using db = await AppliedTable.create({
    endpoint: commonServer('t1'),
    database: 'sink_json_instant',
    name: 'd',
    ddl: 'CREATE TABLE d (id INT PRIMARY KEY, shard INT NOT NULL, j JSON)',
    shardColumn: 'shard',
  });
  const { log, job } = await db.fresh(1);
  // LF CR is a TIMESTAMP; a session in a zone of -12:00 has made a document of one of 1970.
  const instant = (text: string): string => `["${text}"\n\r]`;
  log.append(
    0,
    { op: 'c', after: [1, 0, instant('1969-12-31 12:00:01.000000')] },
    { op: 'c', after: [2, 0, instant('0000-00-00 00:00:00.000000')] },
  );
  await using member = db.member(log, job, { schedule: LATER });
  await member.reached(0, log.release(0));
  expect(member.blocked).toEqual([0]);
  const found = await db.session.query<{ k: string }>(
    "SELECT CONCAT_WS(' ', id, JSON_TYPE(JSON_EXTRACT(j, '$[0]'))) AS k FROM d",
  );
  expect(found.map(r => r.k)).toEqual(['2 TIMESTAMP']);
});
