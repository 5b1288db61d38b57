/** Scripts of SQL that make targets right for keys: opens the servers, and changes nothing. */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { serverIdentity } from '../../../shared/mysql/server-uuid.ts';
import type { Route } from '../../../shared/route/route.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import type { KeyLiterals } from '../../../shared/row/key-range.ts';
import { keyFromText } from '../../../shared/row/key-text.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { agreed, commonSchema } from '../../../shared/schema/agreed-schema.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { ScriptTable, TablePlace } from './repair-rows.ts';
import { type ScriptCounts, scriptFoot, scriptHead, scriptOf } from './repair-script.ts';
import { type TableTraits, tableTraits } from './table-traits.ts';

export interface SqlServer {
  /** Name in the job. */
  name: string;
  database: string;
  /** A session that only reads. */
  open(): Promise<MysqlSession>;
}

export interface SqlTable {
  name: string;
  /** Columns of its row key; without them, the one that the first source has. */
  key: readonly string[] | undefined;
  routeOf(schema: TableSchema, source: string): Route;
  /** As readable text. */
  keys: readonly Readonly<Record<string, string>>[];
}

export interface SqlRepair {
  job: string;
  sources: readonly SqlServer[];
  /** In the order of their numbers. */
  targets: readonly SqlServer[];
  tables: readonly SqlTable[];
  /** The keys are not all that differ. */
  isMore: boolean;
}

interface Opened {
  table: ScriptTable;
  traits: TableTraits;
  keys: KeyLiterals[];
}

/** The script of the target of that number, in parts. */
export async function* targetScript(
  o: SqlRepair,
  number: number,
  counts: ScriptCounts,
): AsyncGenerator<string> {
  const server = o.targets[number];
  if (server === undefined) throw new ReshardError('bug', `no target ${number}`);
  await using stack = new AsyncDisposableStack();
  const opened = async (s: SqlServer) => ({ ...s, session: stack.use(await s.open()) });
  const target = await opened(server);
  const sources = await Promise.all(o.sources.map(opened));
  const atMs = Date.now();
  // What is read later is what these positions say, or newer.
  const positions = await Promise.all(
    [...sources, target].map(async ({ name, session }) => {
      return { name, gtids: await gtidLowerBound(session) };
    }),
  );
  const tables: Opened[] = [];
  for (const table of o.tables) {
    const placed = await placedTable(table, sources, { ...target, number });
    const traits = await tableTraits(target.session, placed.table.target.schema);
    tables.push({ ...placed, traits });
  }
  const triggers = tables.flatMap(t => t.traits.triggers);
  const { job, isMore } = o;
  yield scriptHead({
    ...{ job, target: server.name, atMs, positions, isMore, triggers },
    server: await serverIdentity(target.session),
  });
  for (const { table, traits, keys } of tables) yield* scriptOf(table, traits, keys, counts);
  yield scriptFoot();
}

type OpenServer = SqlServer & { session: MysqlSession };

async function placedTable(
  { name, key, routeOf, keys }: SqlTable,
  sources: readonly OpenServer[],
  target: OpenServer & { number: number },
): Promise<Omit<Opened, 'traits'>> {
  const servers = [...sources, target];
  const found: TableSchema[] = [];
  for (const { session, database } of servers) {
    const [model] = found;
    const wanted = model === undefined ? { key } : { like: model };
    found.push(await inspectTable(session, database, name, wanted));
  }
  const common = commonSchema(found);
  const places = found.map((schema, i): TablePlace => {
    const { name: server = '', session } = servers[i] ?? target;
    return { name: server, session, schema: agreed(common, schema, server) };
  });
  const there = places.pop();
  if (there === undefined) throw new ReshardError('bug', 'a script without a target');
  const routed = places.map(p => ({ ...p, route: routeOf(p.schema, p.name) }));
  const bound = new KeyBound(there.schema);
  return {
    table: { sources: routed, target: there, number: target.number },
    keys: keys.map(text => bound.literals(keyFromText(bound, text))),
  };
}
