/**
 * A table has the same meaning on all servers, or it is not compared: fingerprints are equal texts,
 * and equal texts of different types prove nothing (member 1 of two ENUMs, 1 and true).
 * What does not reach the row text may differ: character set, collation, lengths, integer width,
 * order of the columns. So may what is wider on some servers, and is asked of all as the widest is:
 * NULL that some allow, members of an ENUM or SET that come behind those of the others.
 */
import { ReshardError } from '../runtime/error.ts';
import type { Column, ColumnType } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import { isWider } from './column-widening.ts';
import { type TableSchema, unsupportedColumns, type VirtualColumn } from './table-schema.ts';

/** Pure: the table of the first server, with each column as wide as it is on any. */
export function commonSchema(schemas: readonly TableSchema[]): TableSchema {
  const [model] = schemas;
  if (model === undefined) throw new ReshardError('bug', 'no server has the table');
  return { ...model, columns: model.columns.map(c => widest(c, schemas)) };
}

/** The column with the widest type of the servers, and NULL where one of them has it. */
function widest(model: Column, schemas: readonly TableSchema[]): Column {
  const all = schemas.flatMap(s => s.columns.filter(c => c.name === model.name));
  const type = all.reduce((w, c) => (hasMoreMembers(w, c.type) ? c.type : w), model.type);
  return { ...model, type, nullable: all.some(c => c.nullable) };
}

/** Of other types, those with one meaning have one row text, each by its own type. */
function hasMoreMembers(was: ColumnType, is: ColumnType): boolean {
  return (was.kind === 'enum' || was.kind === 'set') && isWider(was, is);
}

/**
 * `schema` with the columns in the model's order and as wide as its, or an error that says what
 * differs.
 */
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
    if (!isAsWide(other, column)) {
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
  const columns = order.flatMap((at, i) => {
    const [own, common] = [schema.columns[at], model.columns[i]];
    if (own === undefined || common === undefined) return [];
    const type = hasMoreMembers(own.type, common.type) ? common.type : own.type;
    return [{ ...own, type, nullable: common.nullable }];
  });
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

/** Whether the column means the same on its server as on all of them together, or is narrower. */
function isAsWide(own: Column, common: Column): boolean {
  const type = hasMoreMembers(own.type, common.type) ? common.type : own.type;
  const nullable = own.nullable || common.nullable;
  return meaning({ ...own, type, nullable }) === meaning(common);
}

/** Column types with the same meaning have the same canonical texts. */
function meaning({ type, nullable }: Column): string {
  return `${familyOf(type).meaning(type)}${nullable ? '' : ' NOT NULL'}`;
}
