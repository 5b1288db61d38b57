/** Where a table of a check is: what it is on each server, how much of it, and how it is spread. */
import { createHash } from 'node:crypto';
import type { CheckScope } from '../../../shared/job/state/check-scope.ts';
import type { Route } from '../../../shared/route/route.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { type AgreedTable, agreedSchemas } from './agreed-schema.ts';
import { documentShapes } from './document-shapes.ts';
import { type Incarnations, incarnationsOf, refuseNew } from './incarnation.ts';
import { questionsOf, type TablePlaces } from './probe.ts';
import type { Place } from './range-walk.ts';
import type { CheckServer, SessionSet } from './session-set.ts';
import { tableScope, tryCondition } from './table-scope.ts';

export interface WantedTable extends AgreedTable {
  /** Its route for the rows of a source, by name, once its columns are known. */
  routeOf: (schema: TableSchema, source: string) => Route;
  /** Rows of it alone are compared; null is the whole table. */
  scope: CheckScope | null;
}

export interface FoundTable {
  places: TablePlaces;
  /** Fingerprint of what is compared, and how: the same while a comparison can be gone on with. */
  shape: string;
  /** Rows of all sources, by the servers' estimate; of a scope nobody knows them. */
  estimatedRows: number;
  /** Of all sources, and of all targets, by the servers' estimate. */
  sourceBytes: number;
  targetBytes: number;
  /** The most bytes that a row has on a source, on the average. */
  rowBytes: number;
  incarnations: Incarnations;
}

export async function findTable(sessionSet: SessionSet, o: WantedTable): Promise<FoundTable> {
  const { sources, targets, table } = o;
  const incarnations = await incarnationsOf(sessionSet, [...sources, ...targets], table);
  const schemas = await agreedSchemas(sessionSet, o);
  const placed = (servers: readonly CheckServer[]): Place[] =>
    servers.flatMap(server => {
      const schema = schemas.get(server);
      return schema === undefined ? [] : [{ server, schema }];
    });
  const [there, here] = [placed(targets), placed(sources)];
  const [first] = here;
  if (first === undefined) throw new ReshardError('bug', `no source has ${table}`);
  const routes = here.map(({ server }) => o.routeOf(first.schema, server.name));
  const scope = tableScope(first.schema, o.scope);
  if (scope.where !== null) await tryCondition(sessionSet, [...here, ...there], scope.where);
  const places = { table, routes, sources: here, targets: there, only: scope.only };
  const shape = shapeOf(places, incarnations, o.scope);
  const shapes = await documentShapes(sessionSet, first);
  return {
    places: { ...places, shapes },
    ...{ shape, incarnations },
    ...(await sizesOf(sessionSet, o)),
  };
}

/**
 * A table that was altered meanwhile was compared by texts of the old columns; one that was made
 * anew or truncated is not the one whose first ranges were compared.
 */
export async function refuseChanged(
  sessionSet: SessionSet,
  o: WantedTable,
  { places, incarnations }: FoundTable,
): Promise<void> {
  const { sources, targets, table } = o;
  refuseNew(table, incarnations, await incarnationsOf(sessionSet, [...sources, ...targets], table));
  const now = await agreedSchemas(sessionSet, o);
  for (const { server, schema } of [...places.sources, ...places.targets]) {
    if (JSON.stringify(now.get(server)) === JSON.stringify(schema)) continue;
    throw new ReshardError('schema-changed', `${table} was altered during the check`, {
      context: { server: server.name },
      remedy: 'run the check again',
    });
  }
}

/**
 * The statements say which columns are compared how, where rows belong, and which of them are left
 * out. What a route computes by itself, behind them, is the job's, which refuses a job file with
 * another one (shared/job/state/identity.ts).
 */
function shapeOf(
  places: TablePlaces,
  incarnations: Incarnations,
  scope: CheckScope | null,
): string {
  const made = [...incarnations].map(([{ name, database }, when]) => [name, database, when]);
  const schemas = [...places.sources, ...places.targets].map(p => [p.server.name, p.schema]);
  const text = JSON.stringify([made, schemas, questionsOf(places), scope]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

type Sizes = Pick<FoundTable, 'estimatedRows' | 'sourceBytes' | 'targetBytes' | 'rowBytes'>;

async function sizesOf(sessionSet: SessionSet, o: WantedTable): Promise<Sizes> {
  const sizes = { estimatedRows: 0, sourceBytes: 0, targetBytes: 0, rowBytes: 0 };
  for (const server of o.targets) {
    sizes.targetBytes += (await estimate(sessionSet, server, o.table)).bytes;
  }
  for (const server of o.sources) {
    const { rows, rowBytes, bytes } = await estimate(sessionSet, server, o.table);
    sizes.sourceBytes += bytes;
    if (o.scope === null) sizes.estimatedRows += rows;
    sizes.rowBytes = Math.max(sizes.rowBytes, rowBytes);
  }
  return sizes;
}

async function estimate(
  sessionSet: SessionSet,
  server: CheckServer,
  table: string,
): Promise<{ rows: number; rowBytes: number; bytes: number }> {
  const session = await sessionSet.session(server);
  const [row] = await session.query<
    Record<'row_count' | 'row_bytes' | 'bytes', number | string | null>
  >(
    `SELECT TABLE_ROWS AS row_count, AVG_ROW_LENGTH AS row_bytes, DATA_LENGTH AS bytes
      FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [server.database, table],
  );
  const number = (value: number | string | null | undefined): number => Number(value ?? 0);
  return {
    rows: number(row?.row_count),
    rowBytes: number(row?.row_bytes),
    bytes: number(row?.bytes),
  };
}
