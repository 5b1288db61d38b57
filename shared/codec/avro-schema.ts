/**
 * The schemas of a table's topic: Debezium's envelope, field for field, so that its sinks and any
 * Connect consumer read us; types annotated as Confluent's AvroData does.
 * Invariant: field order here is byte order in envelope.ts; the property test holds them together.
 */

import { isUnion } from '../row/row-codec.ts';
import { avroDefault } from '../schema/column-constant.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { columnCodec } from '../type/type-families.ts';
import type { AvroSchema } from '../type/value-codec.ts';

type AvroField = {
  name: string;
  type: AvroSchema;
  default?: unknown;
  'reshard.column'?: string;
  'reshard.default'?: unknown;
  'reshard.type'?: string;
};

/** Value of the key topic subject: the columns of the row key in key order. */
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
  const names = fieldNames(table.columns.map(c => c.name));
  const defined = new Set<string>();
  return columns.map(column => {
    const index = table.columns.indexOf(column);
    const name = names[index] ?? '';
    const type = definedOnce(columnCodec(table.table, column).avro, defined);
    const union = nullable && isUnion(table, column, index);
    const field: AvroField = union ? optional(name, type) : { name, type };
    if (nullable && column.fill !== undefined) {
      // What is in rows from before the column came. A reader of the new schema finds it in older
      // records; a union can have no other default than its first branch, which is null.
      const value = avroDefault(table.table, column);
      if (!union) field.default = value;
      field['reshard.default'] = value;
    }
    // No key column is ever made wider.
    if (nullable && column.widened !== undefined) field['reshard.type'] = column.widened;
    if (name !== column.name) field['reshard.column'] = column.name;
    return field;
  });
}

/** A record that is defined already is told by its name. */
function definedOnce(type: AvroSchema, defined: Set<string>): AvroSchema {
  if (typeof type === 'string' || Array.isArray(type) || type.type !== 'record') return type;
  const name = `${String(type.namespace)}.${String(type.name)}`;
  if (defined.has(name)) return name;
  defined.add(name);
  return type;
}

/**
 * Field names of a table's columns: as `avroName` has them, unless two columns would be one (all
 * names of two Chinese characters are `__`). Of those, a column that is named so keeps the name;
 * in the others each illegal character is written as its number, as Debezium's `avro_unicode` does.
 */
export function fieldNames(columns: readonly string[]): string[] {
  const wanted = columns.map(avroName);
  const taken = new Set(columns.filter((name, i) => name === wanted[i]));
  return columns.map((name, i) => {
    const plain = wanted[i] ?? '';
    if (name === plain) return name;
    const isAlone = wanted.indexOf(plain) === wanted.lastIndexOf(plain);
    let field = isAlone ? plain : avroName(numbered(name));
    while (taken.has(field)) field += '_';
    taken.add(field);
    return field;
  });
}

function numbered(name: string): string {
  return name.replace(
    /[^A-Za-z0-9_]/gu,
    c => `_u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
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
