/** Reads the schemas of a table, as all servers of a check agree about them. */
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import type { WantedKey } from '../../../shared/mysql/row-key.ts';
import { agreed, commonSchema } from '../../../shared/schema/agreed-schema.ts';
import { withoutColumns } from '../../../shared/schema/table-growth.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { CheckServer, SessionSet } from './session-set.ts';

/** A table whose servers are to agree on it. */
export interface AgreedTable {
  table: string;
  sources: readonly CheckServer[];
  targets: readonly CheckServer[];
  /** Its row key. */
  key?: readonly string[] | undefined;
  /** Columns that the sources have dropped: of the targets they are not compared. */
  dropped?: readonly string[] | undefined;
}

/** Schemas of a table by server, with columns in the order of the first source. */
export async function agreedSchemas(
  sessionSet: SessionSet,
  { table, sources, targets, key, dropped = [] }: AgreedTable,
): Promise<Map<CheckServer, TableSchema>> {
  const inspected = async (server: CheckServer, wanted: WantedKey): Promise<TableSchema> => {
    const session = await sessionSet.session(server);
    const whole = await inspectTable(session, server.database, table, wanted);
    return targets.includes(server) ? withoutColumns(whole, dropped, whole) : whole;
  };
  const servers = [...sources, ...targets];
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
