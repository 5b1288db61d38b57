/**
 * The row key of tables without a primary key, on both flavors: the index that is chosen is the
 * one that the server itself takes for the key, as the table maps of its binlog say. If the two
 * were not the same, the log would halt at the first row.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tableDifference } from '../../services/binlog/capture/table-match.ts';
import { MysqlSession } from '../../shared/mysql/connect.ts';
import { inspectTable } from '../../shared/mysql/inspect.ts';
import { rowKeyNames } from '../../shared/schema/table-schema.ts';
import { newSeed, Random } from '../support/load/random.ts';
import { RowImageReader } from '../support/row-images.ts';
import { type Flavor, type Servers, startServers } from '../support/servers/servers.ts';

const MINUTE = 60_000;
const SEED = Number(process.env.RESHARD_SEED ?? newSeed());
const DB = 'row_keys';
const TABLES = 60;

/** Of some that may be part of a key and some that may not. */
const COLUMNS: Record<string, string> = {
  a: 'INT NOT NULL',
  b: 'VARCHAR(12) NOT NULL',
  c: 'BIGINT UNSIGNED NOT NULL',
  d: 'INT NULL',
  e: 'VARCHAR(12) NULL',
  f: 'BINARY(4) NOT NULL',
  g: 'INT AS (a + 1) VIRTUAL',
};

/** Their order by name is not that in which they came. */
function nameOf(n: number): string {
  return `${'zxvabymcntk'[n]}${n}`;
}

function indexOf(random: Random, n: number, flavor: Flavor): string {
  const names = Object.keys(COLUMNS);
  const parts = Array.from({ length: 1 + random.below(3) }, () => random.pick(names));
  const text = [...new Set(parts)].map(name => {
    const prefix = 'be'.includes(name) && random.below(5) === 0 ? '(5)' : '';
    return `${name}${prefix}${random.below(5) === 0 ? ' DESC' : ''}`;
  });
  if (flavor === 'mysql' && random.below(8) === 0) text.push('((a + 7))');
  return `${random.below(4) === 0 ? '' : 'UNIQUE '}KEY ${nameOf(n)} (${text.join(', ')})`;
}

/** A table whose indexes came, went and were hidden in any order. */
async function make(session: MysqlSession, name: string, random: Random): Promise<void> {
  const { flavor } = session;
  const columns = Object.entries(COLUMNS).map(([column, type]) => `${column} ${type}`);
  const indexes = Array.from({ length: 1 + random.below(4) }, (_, n) => indexOf(random, n, flavor));
  await session.rawQuery(`CREATE TABLE ${name} (${[...columns, ...indexes].join(', ')})`);
  for (let n = 5; n < 5 + random.below(4); n++) {
    const one = nameOf(random.below(n));
    const hide = flavor === 'mysql' ? `ALTER INDEX ${one} INVISIBLE` : `ALTER INDEX ${one} IGNORED`;
    const change = random.pick([`ADD ${indexOf(random, n, flavor)}`, `DROP KEY ${one}`, hide]);
    // Some have no such index, and no server hides the key that it goes by.
    await session.rawQuery(`ALTER TABLE ${name} ${change}`).catch(() => {});
  }
}

describe.each(['mysql', 'mariadb'] as const)('%s', flavor => {
  let mysql: Servers;
  let session: MysqlSession;

  beforeAll(async () => {
    mysql = await startServers({ mysql: [{ name: 's', serverId: 391, flavor }] });
    session = await MysqlSession.open(mysql.mysql('s'), { role: 'admin' });
    await session.rawQuery(`CREATE DATABASE ${DB}`);
    await session.rawQuery(`USE ${DB}`);
  }, 2 * MINUTE);

  afterAll(async () => {
    await session?.close();
    await mysql?.[Symbol.asyncDispose]();
  });

  test('the index that is chosen is the one that row images tell of, whatever there is', async () => {
    console.log(`seed ${SEED} (RESHARD_SEED=${SEED} repeats it)`);
    const random = new Random(SEED, 0);
    await using images = await RowImageReader.open(mysql.mysql('s').endpoint, 7391);
    const names = Array.from({ length: TABLES }, (_, i) => `t${i}`);
    for (const name of names) {
      await make(session, name, random);
      await session.rawQuery(
        `INSERT INTO ${name} (a, b, c, d, e, f) VALUES (1, 'b', 2, 3, 'e', 'f')`,
      );
    }
    await images.inserted(DB, 't0');
    const chosen: string[] = [];
    for (const name of names) {
      const schema = await inspectTable(session, DB, name);
      const seen = images.seen.get(`${DB}.${name}`);
      if (seen === undefined) throw new Error(`no table map of ${name}`);
      const taken = seen.primaryKey.map(i => seen.columns[i]?.name ?? '');
      const [create] = await session.query<Record<string, string>>(`SHOW CREATE TABLE ${name}`);
      const why = create?.['Create Table'];
      if (schema.primaryKey.length === 0) {
        // Not one that the server takes, unless it is of values that are in no row.
        expect(
          taken.filter(column => column !== 'g' && taken[0] !== 'g'),
          why,
        ).toEqual([]);
        continue;
      }
      chosen.push(schema.keyIndex?.name ?? '');
      expect(tableDifference(schema, seen), why).toBeNull();
      if (!taken.includes('g')) expect(rowKeyNames(schema), why).toEqual(taken);
    }
    expect(chosen.length).toBeGreaterThan(TABLES / 4);
    expect(chosen.length).toBeLessThan(TABLES);
  });
});
