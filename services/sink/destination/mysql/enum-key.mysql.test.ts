/**
 * I6 for keys that are members of an ENUM: '', which is the text of the error value too, one that
 * looks like a number, and the error value itself are keys of their own. Whatever comes in one
 * transaction, the target ends with the rows of the source. FC_SEED repeats a run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../../../shared/runtime/log.ts';
import { commonServer } from '../../../../test/support/dev.ts';
import { AppliedTable } from '../../../../test/support/sink/applied-table.ts';
import type { LogMaker, TextRow } from '../../../../test/support/sink/log-maker.ts';
import { TwoSources } from '../../../../test/support/sink/two-sources.ts';
import { MysqlDestination } from './mysql-destination.ts';

const RUNS = 40;
const SEED = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };
const logger = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });
const SERVERS = ['t1'];

/** By name, whether the key has another column, and whether another unique key is on the table. */
const TABLES: Record<string, { isPart: boolean; hasUnique: boolean }> = {
  alone: { isPart: false, hasUnique: false },
  part: { isPart: true, hasUnique: false },
  'alone, with a unique key': { isPart: false, hasUnique: true },
  'part, with a unique key': { isPart: true, hasUnique: true },
};
const tables = new Map<string, AppliedTable>();
let jobs = 0;

beforeAll(async () => {
  for (const server of SERVERS) {
    for (const [i, [name, { isPart, hasUnique }]] of Object.entries(TABLES).entries()) {
      const key = isPart ? 'a, e' : 'e';
      const ddl = `CREATE TABLE t (
        a INT NOT NULL, e ENUM('0','','x') CHARACTER SET ucs2 NOT NULL, shard INT NOT NULL,
        v INT NOT NULL, PRIMARY KEY (${key})${hasUnique ? ', UNIQUE KEY (v)' : ''})`;
      const endpoint = commonServer(server);
      const database = `sink_enum_${i}`;
      const made = AppliedTable.create({
        endpoint,
        database,
        name: 't',
        ddl,
        shardColumn: 'shard',
      });
      tables.set(`${server} ${name}`, await made);
    }
  }
});

afterAll(async () => {
  for (const table of tables.values()) await table[Symbol.asyncDispose]();
});

async function open(
  server: string,
  name: string,
): Promise<{ two: TwoSources; made: AppliedTable }> {
  const made = tables.get(`${server} ${name}`);
  if (made === undefined) throw new Error(`no table ${name}`);
  jobs += 1;
  await made.session.rawQuery('DELETE FROM t');
  const endpoint = { ...commonServer(server), name: 't0', kind: 'mysql', database: made.database };
  const owner = { job: `en${jobs}`, jobId: `en${jobs}#1`, identity: null };
  const target = new MysqlDestination(0, endpoint as never, owner, logger);
  const { schema } = made.table;
  return { made, two: await TwoSources.open({ schema, targets: [target], shared: false }) };
}

type Step =
  | { what: 'write'; a: number; e: number }
  | { what: 'delete'; a: number; e: number }
  | { what: 'move'; a: number; e: number; to: number }
  | { what: 'arrive'; records: number };

const a = fc.integer({ min: 1, max: 2 });
const e = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('write' as const), a, e }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('delete' as const), a, e }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('move' as const), a, e, to: e }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('arrive' as const),
      records: fc.integer({ min: 1, max: 6 }),
    }),
  },
);

/** The rows of a source by key, and its log. */
class Source {
  readonly held = new Map<string, TextRow>();
  readonly #log: LogMaker;
  readonly #isPart: boolean;
  #v = 0;

  constructor(log: LogMaker, isPart: boolean) {
    this.#log = log;
    this.#isPart = isPart;
  }

  step(x: Exclude<Step, { what: 'arrive' }>): void {
    const key = this.#key(x.a, x.e);
    const before = this.held.get(key);
    if (x.what === 'write') this.#put(key, [x.a, x.e, 0, ++this.#v], before);
    else if (before === undefined) return;
    else if (x.what === 'delete') this.#drop(key, before);
    else {
      // The value of the other unique key goes along.
      const to = this.#key(x.a, x.to);
      if (this.held.has(to)) return;
      this.#drop(key, before);
      this.#put(to, [x.a, x.to, 0, before[3] ?? 0], undefined);
    }
  }

  #key(one: number, other: number): string {
    return this.#isPart ? `${one} ${other}` : `${other}`;
  }

  #put(key: string, after: TextRow, before: TextRow | undefined): void {
    this.held.set(key, after);
    if (before === undefined) this.#log.append({ op: 'c', after });
    else this.#log.append({ op: 'u', before, after });
  }

  #drop(key: string, before: TextRow): void {
    this.#log.append({ op: 'd', before });
    this.held.delete(key);
  }

  get rows(): string[] {
    return [...this.held.values()].map(row => row.join(' ')).sort();
  }
}

describe.each(SERVERS)('%s', server => {
  test.each(Object.keys(TABLES))(
    '%s: any history in any transactions ends equal',
    async name => {
      const history = fc.array(step, { minLength: 4, maxLength: 30 });
      const { isPart = false } = TABLES[name] ?? {};
      await fc.assert(
        fc.asyncProperty(history, async steps => {
          const { two, made } = await open(server, name);
          await using _ = two;
          const [log] = two.logs;
          if (log === undefined) throw new Error('no log');
          const source = new Source(log, isPart);
          for (const x of steps) {
            if (x.what !== 'arrive') source.step(x);
            else for (const side of two.sides) await side.take(two.logs, [x.records, 0]);
          }
          await two.finish();
          const found = await made.session.query<Record<string, string>>(
            'SELECT a, CAST(e AS UNSIGNED) AS e, shard, v FROM t',
          );
          expect(found.map(r => `${r.a} ${r.e} ${r.shard} ${r.v}`).sort()).toEqual(source.rows);
        }),
        { numRuns: RUNS, ...SEED },
      );
    },
    120_000,
  );
});
