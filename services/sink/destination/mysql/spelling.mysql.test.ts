/**
 * I6 for keys in several spellings ('k1', 'K1', 'k1 '), which the target holds for one key: the log
 * knows them by their bytes, and whatever comes in one transaction, the target ends with the row
 * and the spelling of the source. FC_SEED repeats a run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../../../shared/runtime/log.ts';
import { commonServer, servers } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import type { LogMaker, TextRow } from '../../../../test/support/sink/log-maker.ts';
import { TwoSources } from '../../../../test/support/sink/two-sources.ts';
import { MysqlDestination } from './mysql-destination.ts';

const RUNS = 40;
const SEED = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };
const DATABASES = ['sink_spelling_0', 'sink_spelling_1'];
const logger = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });
const SPELLINGS = ['k', 'K', 'k ', 'K  '];

/** By name, whether another unique key is on them. */
const TABLES: Record<string, boolean> = { plain: false, uniques: true };
const tables = new Map<string, AppliedTable[]>();
let jobs = 0;

beforeAll(async () => {
  const t1 = commonServer('t1');
  for (const [name, hasUnique] of Object.entries(TABLES)) {
    const made = DATABASES.map(database =>
      AppliedTable.create({
        endpoint: t1,
        database: `${database}_${name}`,
        name: 't',
        ddl: `CREATE TABLE t (
          id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY,
          shard INT NOT NULL, v INT NOT NULL${hasUnique ? ', UNIQUE KEY (v, id)' : ''})`,
        shardColumn: 'shard',
      }),
    );
    tables.set(name, await Promise.all(made));
  }
});

afterAll(async () => {
  for (const table of [...tables.values()].flat()) await table[Symbol.asyncDispose]();
});

async function open(name: string, shared = false): Promise<TwoSources> {
  const made = tables.get(name) ?? [];
  const [first] = made;
  if (first === undefined) throw new Error(`no table ${name}`);
  jobs += 1;
  for (const { session } of made) await session.rawQuery('DELETE FROM t');
  const targets = made.map((_, n) => {
    const at = { ...servers().mysql.t1, name: `t${n}`, kind: 'mysql' as const };
    const endpoint = { ...at, database: made[n]?.database ?? '' };
    const owner = { job: `sp${jobs}`, jobId: `sp${jobs}#1`, identity: null };
    return new MysqlDestination(n, endpoint as never, owner, logger);
  });
  return TwoSources.open({ schema: first.table.schema, targets, shared });
}

async function rows(name: string): Promise<string[]> {
  const found = await Promise.all(
    (tables.get(name) ?? []).map(({ session }) =>
      session.query<Record<string, string>>('SELECT HEX(id) AS id, shard, v FROM t'),
    ),
  );
  return found
    .flatMap((list, target) => list.map(r => `${target}: ${r.id} ${r.shard} ${r.v}`))
    .sort();
}

type Step =
  | { what: 'write'; key: number; spelling: string; shard: number }
  | { what: 'delete'; key: number }
  | { what: 'read again'; key: number; spelling: string }
  | { what: 'arrive'; records: number };

const key = fc.integer({ min: 1, max: 2 });
const shard = fc.integer({ min: 0, max: 1 });
const spelling = fc.constantFrom(...SPELLINGS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ what: fc.constant('write' as const), key, spelling, shard }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('delete' as const), key }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('read again' as const), key, spelling }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('arrive' as const),
      records: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

/** A source that holds one row of a key, whatever its spelling, and its log. */
class Source {
  readonly held = new Map<number, TextRow>();
  readonly #log: LogMaker;
  #v = 0;

  constructor(log: LogMaker) {
    this.#log = log;
  }

  step(x: Exclude<Step, { what: 'arrive' }>): void {
    const before = this.held.get(x.key);
    if (x.what === 'read again')
      this.#readAgain(`${x.spelling.trim()}${x.key}${blanks(x)}`, before);
    else if (x.what === 'delete') this.#drop(x.key, before);
    else
      this.#write(x.key, [`${x.spelling.trim()}${x.key}${blanks(x)}`, x.shard, ++this.#v], before);
  }

  /** As a repair: the spelling that was asked for, if it is not there, then the row that is. */
  #readAgain(asked: string, row: TextRow | undefined): void {
    if (row?.[0] !== asked) this.#log.appendTombstone([asked, 0, 0]);
    if (row !== undefined && row[0] === asked) this.#log.append({ op: 'r', after: row });
  }

  #drop(k: number, before: TextRow | undefined): void {
    if (before === undefined) return;
    this.#log.append({ op: 'd', before });
    this.held.delete(k);
  }

  #write(k: number, after: TextRow, before: TextRow | undefined): void {
    this.held.set(k, after);
    if (before !== undefined && before[0] !== after[0]) this.#log.append({ op: 'd', before });
    if (before?.[0] === after[0]) this.#log.append({ op: 'u', before: before ?? after, after });
    else this.#log.append({ op: 'c', after });
  }

  get rows(): string[] {
    const text = ([id, to, v]: TextRow): string =>
      `${to}: ${Buffer.from(String(id)).toString('hex').toUpperCase()} ${to} ${v}`;
    return [...this.held.values()].map(text).sort();
  }
}

function blanks(x: { spelling: string }): string {
  return x.spelling.slice(1);
}

describe.each(Object.keys(TABLES))('%s', name => {
  test('any history in any transactions ends with the rows and the spellings of the source', async () => {
    const history = fc.array(step, { minLength: 4, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(history, fc.boolean(), async (steps, shared) => {
        await using two = await open(name, shared);
        const [log] = two.logs;
        if (log === undefined) throw new Error('no log');
        const source = new Source(log);
        for (const x of steps) {
          if (x.what !== 'arrive') source.step(x);
          else for (const side of two.sides) await side.take(two.logs, [x.records, 0]);
        }
        await two.finish();
        expect(await rows(name)).toEqual(source.rows);
      }),
      { numRuns: RUNS, ...SEED },
    );
  }, 120_000);

  test('a row that comes in another spelling is spelt so, in the order of the log', async () => {
    await using two = await open(name);
    const [log] = two.logs;
    log?.append({ op: 'r', after: ['K1', 0, 1] });
    await two.finish();
    // A log with a gap: what became of the first spelling is not told.
    log?.append({ op: 'r', after: ['k1', 0, 2] });
    await two.finish();
    expect(await rows(name)).toEqual(['0: 6B31 0 2']);
    log?.append({ op: 'r', after: ['K1', 0, 3] }, { op: 'r', after: ['K1 ', 0, 4] });
    log?.append({ op: 'r', after: ['K1', 0, 5] });
    await two.finish();
    expect(await rows(name)).toEqual(['0: 4B31 0 5']);
  });
});

describe('two sources', () => {
  test('a row of another source is not overwritten in another spelling', async () => {
    await using two = await open('plain', true);
    const [a, b] = two.logs;
    a?.append({ op: 'c', after: ['k1', 0, 1] });
    await two.finish();
    b?.append({ op: 'c', after: ['K1', 0, 2] }, { op: 'c', after: ['K2', 0, 2] });
    await two.finish();
    expect(await rows('plain')).toEqual(['0: 4B32 0 2', '0: 6B31 0 1']);
    a?.append({ op: 'd', before: ['k1', 0, 1] });
    await two.finish();
    expect(await rows('plain')).toEqual(['0: 4B31 0 2', '0: 4B32 0 2']);
  });

  test('the delete of one source leaves what another one has in another spelling', async () => {
    await using two = await open('plain', true);
    const [a, b] = two.logs;
    b?.append({ op: 'c', after: ['K1', 0, 1] });
    await two.finish();
    a?.append({ op: 'd', before: ['k1', 0, 9] }).appendTombstone(['k1 ', 0, 9]);
    await two.finish();
    expect(await rows('plain')).toEqual(['0: 4B31 0 1']);
  });
});
