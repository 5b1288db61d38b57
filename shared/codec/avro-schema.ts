/**
 * The schemas of a table's topic: Debezium's envelope, field for field, so that its sinks and any
 * Connect consumer read us; types annotated as Confluent's AvroData does.
 * Invariant: field order here is byte order in envelope.ts; the property test holds them together.
 */

import { isUnion } from '../row/row-codec.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { columnCodec } from '../type/type-families.ts';
import type { AvroSchema } from '../type/value-codec.ts';

type AvroField = { name: string; type: AvroSchema; default?: unknown; 'reshard.column'?: string };

/** Value of the key topic subject: the primary-key columns in key order. */
export function keySchema(prefix: string, table: TableSchema): { [attribute: string]: unknown } {
  const namespace = tableNamespace(prefix, table);
  const columns = table.primaryKey.flatMap(i => table.columns[i] ?? []);
  return {
    type: 'record',
    name: 'Key',
    namespace,
    fields: fields(table, columns, false),
    'connect.name': `${namespace}.Key`,
  };
}

export function envelopeSchema(
  prefix: string,
  table: TableSchema,
): { [attribute: string]: unknown } {
  const namespace = tableNamespace(prefix, table);
  const value = {
    type: 'record',
    name: 'Value',
    fields: fields(table, table.columns, true),
    'connect.name': `${namespace}.Value`,
  };
  return {
    type: 'record',
    name: 'Envelope',
    namespace,
    fields: [
      optional('before', value),
      optional('after', 'Value'),
      { name: 'source', type: SOURCE },
      optional('transaction', TRANSACTION),
      { name: 'op', type: 'string' },
      optional('ts_ms', 'long'),
      optional('ts_us', 'long'),
      optional('ts_ns', 'long'),
    ],
    'connect.version': 2,
    'connect.name': `${namespace}.Envelope`,
  };
}

function optional(name: string, type: AvroSchema): AvroField {
  return { name, type: ['null', type], default: null };
}

function fields(table: TableSchema, columns: Column[], nullable: boolean): AvroField[] {
  const seen = new Map<string, string>();
  return columns.map(column => {
    const name = avroName(column.name);
    const other = seen.get(name);
    if (other !== undefined) throw collision(table, other, column.name, name);
    seen.set(name, column.name);
    const type = columnCodec(table.table, column).avro;
    const union = nullable && isUnion(table, column, table.columns.indexOf(column));
    const field: AvroField = union ? optional(name, type) : { name, type };
    if (name !== column.name) field['reshard.column'] = column.name;
    return field;
  });
}

function collision(table: TableSchema, a: string, b: string, name: string): ReshardError {
  return new ReshardError(
    'unsupported-type',
    `${table.table}: columns ${a} and ${b} are both ${name} in Avro`,
    { remedy: 'rename one of the columns', context: { table: table.table } },
  );
}

/** Avro names are letters, digits and underscores; others become underscores, as in Debezium. */
export function avroName(name: string): string {
  const legal = name.replace(/[^A-Za-z0-9_]/gu, '_');
  return /^[0-9]/.test(legal) ? `_${legal}` : legal;
}

function tableNamespace(prefix: string, { db, table }: TableSchema): string {
  return [...prefix.split('.'), db, table].map(avroName).join('.');
}

const SNAPSHOT_ENUM = {
  type: 'string',
  'connect.version': 1,
  'connect.parameters': {
    allowed: 'true,first,first_in_data_collection,last_in_data_collection,last,false,incremental',
  },
  'connect.default': 'false',
  'connect.name': 'io.debezium.data.Enum',
};

const SOURCE = {
  type: 'record',
  name: 'Source',
  namespace: 'io.debezium.connector.mysql',
  fields: [
    { name: 'version', type: 'string' },
    { name: 'connector', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'ts_ms', type: 'long' },
    { name: 'snapshot', type: [SNAPSHOT_ENUM, 'null'], default: 'false' },
    { name: 'db', type: 'string' },
    optional('sequence', 'string'),
    optional('ts_us', 'long'),
    optional('ts_ns', 'long'),
    optional('table', 'string'),
    { name: 'server_id', type: 'long' },
    optional('gtid', 'string'),
    { name: 'file', type: 'string' },
    { name: 'pos', type: 'long' },
    { name: 'row', type: 'int' },
    optional('thread', 'long'),
    optional('query', 'string'),
  ],
  'connect.version': 1,
  'connect.name': 'io.debezium.connector.mysql.Source',
};

const TRANSACTION = {
  type: 'record',
  name: 'block',
  namespace: 'event',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'total_order', type: 'long' },
    { name: 'data_collection_order', type: 'long' },
  ],
  'connect.version': 1,
  'connect.name': 'event.block',
};
