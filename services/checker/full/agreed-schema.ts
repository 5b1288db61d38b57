/**
 * A table has the same meaning on all servers, or it is not compared: fingerprints are equal texts,
 * and equal texts of different types prove nothing (member 1 of two ENUMs, 1 and true).
 * What does not reach the row text may differ: character set, collation, lengths, integer width,
 * order of the columns.
 */
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import type { WantedKey } from '../../../shared/mysql/row-key.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import {
  type TableSchema,
  unsupportedColumns,
  type VirtualColumn,
} from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { familyOf } from '../../../shared/type/type-families.ts';
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
  const schemas = new Map<CheckServer, TableSchema>();
  servers.forEach((server, i) => {
    const schema = found[i];
    if (schema === undefined) return;
    schemas.set(server, agreed(model, schema, server.name));
  });
  return schemas;
}

/** `schema` with the columns in the model's order, or an error that says what differs. */
export function agreed(model: TableSchema, schema: TableSchema, server: string): TableSchema {
  const [refused] = unsupportedColumns(schema);
  if (refused !== undefined) {
    throw new ReshardError('unsupported-type', refused.reason, {
      context: { server, table: schema.table, column: refused.column },
      remedy: refused.remedy,
    });
  }
  const order = model.columns.map(column => {
    const at = schema.columns.findIndex(c => c.name === column.name);
    const other = schema.columns[at];
    if (other === undefined) throw changed(`has no column ${column.name}`, schema, server);
    if (meaning(column) !== meaning(other)) {
      const what = `column ${column.name} is ${meaning(other)}, not ${meaning(column)}`;
      throw changed(what, schema, server);
    }
    return at;
  });
  if (order.length !== schema.columns.length) throw changed('has more columns', schema, server);
  const primaryKey = schema.primaryKey.map(i => order.indexOf(i));
  if (primaryKey.join() !== model.primaryKey.join()) {
    throw changed('has another row key', schema, server);
  }
  const columns = order.flatMap(i => schema.columns[i] ?? []);
  const virtual = agreedVirtual(model, schema, server);
  return { ...schema, columns, virtual, primaryKey, uniqueKeys: [] };
}

/** Virtual columns are compared too: each server computes them from what the rows say. */
function agreedVirtual(model: TableSchema, schema: TableSchema, server: string): VirtualColumn[] {
  const [wanted, found] = [model.virtual ?? [], schema.virtual ?? []];
  if (wanted.length < found.length) throw changed('has more virtual columns', schema, server);
  return wanted.map(({ column, at }) => {
    const other = found.find(v => v.column.name === column.name);
    if (other === undefined) {
      throw changed(`has no virtual column ${column.name}`, schema, server);
    }
    if (meaning(column) !== meaning(other.column)) {
      const what = `column ${column.name} is ${meaning(other.column)}, not ${meaning(column)}`;
      throw changed(what, schema, server);
    }
    return { ...other, at };
  });
}

function changed(what: string, schema: TableSchema, server: string): ReshardError {
  return new ReshardError('schema-changed', `${schema.db}.${schema.table} ${what}`, {
    context: { server },
    remedy: 'make the table the same on all servers',
  });
}

/** Column types with the same meaning have the same canonical texts. */
function meaning({ type, nullable }: Column): string {
  return `${familyOf(type).meaning(type)}${nullable ? '' : ' NOT NULL'}`;
}
