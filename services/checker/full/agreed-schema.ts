/** Reads the schemas of a table, as all servers of a check agree about them. */
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import type { WantedKey } from '../../../shared/mysql/row-key.ts';
import { agreed, commonSchema } from '../../../shared/schema/agreed-schema.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { CheckServer, SessionSet } from './session-set.ts';

/** Schemas of a table by server, with columns in the order of the first server; `key`: its row key. */
export async function agreedSchemas(
  sessionSet: SessionSet,
  servers: readonly CheckServer[],
  table: string,
  key: readonly string[] | undefined,
): Promise<Map<CheckServer, TableSchema>> {
  const inspected = async (server: CheckServer, wanted: WantedKey): Promise<TableSchema> =>
    inspectTable(await sessionSet.session(server), server.database, table, wanted);
  const [first, ...others] = servers;
  if (first === undefined) return new Map();
  const model = await inspected(first, { key });
  const found = [
    model,
    ...(await Promise.all(others.map(server => inspected(server, { like: model })))),
  ];
  const common = commonSchema(found);
  const schemas = new Map<CheckServer, TableSchema>();
  servers.forEach((server, i) => {
    const schema = found[i];
    if (schema === undefined) return;
    schemas.set(server, agreed(common, schema, server.name));
  });
  return schemas;
}
