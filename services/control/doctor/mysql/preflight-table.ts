/** Checks of the tables on a source: every row and every change of them can be carried exactly. */

import { routeProblem } from '../../../../shared/job/job-route.ts';
import type { RouteSpec } from '../../../../shared/job/route-spec.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import type { Finding } from '../../../../shared/mysql/finding.ts';
import { qualified, quoteId } from '../../../../shared/mysql/identifier.ts';
import type { ServerFacts, TableFacts } from '../../../../shared/mysql/inspect.ts';
import {
  inspectKeys,
  isPlainKey,
  partsOf,
  type TableKey,
} from '../../../../shared/mysql/row-key.ts';
import { checkRowSize } from '../../../../shared/mysql/row-size.ts';
import { unreachable } from '../../../../shared/runtime/error.ts';
import {
  allColumns,
  keyIndexName,
  type TableSchema,
  unsupportedColumns,
} from '../../../../shared/schema/table-schema.ts';
import type { Column } from '../../../../shared/type/column-type.ts';
import { checkRowKey } from './row-key-advice.ts';

export interface TableRequest {
  table: string;
  route: RouteSpec;
  /** Columns of the row key that the job file names. */
  key?: readonly string[] | undefined;
}

export interface TableContext {
  session: MysqlSession;
  facts: ServerFacts;
  db: string;
  /** Name of the server for the reader. */
  where: string;
  maxMessageBytes: number;
}

export function checkEngine(facts: TableFacts, where: string, name: string): Finding[] {
  if (/^innodb$/i.test(facts.engine)) return [];
  return [
    {
      level: 'blocker',
      code: 'table-engine',
      where,
      what: `the engine is ${facts.engine || 'unknown'}, not InnoDB`,
      why: 'Without transactions a SELECT can see half of a change, and the copy cannot be merged with the log.',
      fix: `ALTER TABLE ${name} ENGINE = InnoDB;`,
    },
  ];
}

function checkColumns(schema: TableSchema, where: string): Finding[] {
  const found = unsupportedColumns(schema)
    .filter(refused => refused.column !== '')
    .map(
      (refused): Finding => ({
        level: 'blocker',
        code: 'unsupported-column',
        where: `${where}.${refused.column}`,
        what: refused.reason,
        why: 'A value that cannot be carried exactly is refused and not approximated.',
        fix: refused.remedy,
      }),
    );
  const generated = allColumns(schema).flatMap(c => (c.generated === 'no' ? [] : c.name));
  if (generated.length > 0) {
    found.push({
      level: 'info',
      code: 'generated-columns',
      where,
      what: `generated: ${generated.join(', ')}`,
      why: 'Targets compute these columns themselves; the checker compares the results. Virtual ones are not in the topics.',
      fix: '',
    });
  }
  return found;
}

function checkUniqueKeys(
  keys: readonly TableKey[],
  rowKey: string,
  where: string,
  name: string,
): Finding[] {
  return keys
    .filter(k => k.unique && k.name !== rowKey)
    .map((key): Finding => {
      if (key.name === 'PRIMARY' && !isPlainKey(key)) {
        return {
          level: 'blocker',
          code: 'primary-key-form',
          where,
          what: `the primary key (${partsOf(key).join(', ')}) holds part of a column only`,
          why: 'Row events tell such a key otherwise than the key that rows are told apart by.',
          fix: `ALTER TABLE ${name} DROP PRIMARY KEY; -- and add it again after the job`,
        };
      }
      if (key.hashed) {
        return {
          level: 'blocker',
          code: 'unique-key-hash',
          where,
          what: `unique key ${key.name} (${partsOf(key).join(', ')}) is kept as hashes of its values`,
          why: 'Rows in the binlog have the hashes, in a column that the table does not show.',
          fix: `ALTER TABLE ${name} DROP INDEX ${quoteId(key.name)}; -- or make it one of first characters, which an index holds`,
        };
      }
      return {
        level: 'info',
        code: 'secondary-unique-key',
        where,
        what: `unique key ${key.name} (${partsOf(key).join(', ')}) besides the row key`,
        why: 'A row that collides on it is parked until the other row has moved on; such tables are written a little slower.',
        fix: '',
      };
    });
}

function checkRoute(schema: TableSchema, spec: RouteSpec, where: string): Finding[] {
  const found = routeProblem(schema, spec);
  if (found === null) return [];
  const place = `${where}.${found.column}`;
  const name = `${qualified(schema.db, schema.table)}`;
  const why = 'The target of a row is computed from this column.';
  const column = schema.columns.find(c => c.name === found.column);
  const blocker = (code: string, what: string, fix: string, because = why): Finding[] => [
    { level: 'blocker', code, where: place, what, why: because, fix },
  ];
  if (found.of === 'values') {
    return blocker('route-values', found.what, 'correct the route in the job file');
  }
  if (found.of === 'move') {
    const because = 'Rows that move between servers that stay are not read by this kind of job.';
    return blocker('route-moves', found.what, found.fix, because);
  }
  switch (found.problem) {
    case 'missing':
      return blocker(
        'shard-column',
        'the table has no such column, but is routed by it',
        'give this table a `route` (or `shardColumn`) in the job file, or leave the table out',
      );
    case 'type':
      return blocker(
        'shard-column-type',
        `a column of type ${column?.type.kind} cannot be routed by ${spec.kind === 'moving' ? spec.is.kind : spec.kind}`,
        spec.kind === 'modulus'
          ? 'name an integer column as `shardColumn` in the job file, or route the table by hash'
          : 'route the table by another column',
      );
    case 'nullable':
      return blocker(
        'shard-column-null',
        'the sharding column may be NULL',
        notNullFix(name, found.column, column),
        `${why} NULL has no target.`,
      );
    default:
      return unreachable(found.problem);
  }
}

function notNullFix(table: string, name: string, column: Column | undefined): string {
  if (column?.type.kind !== 'integer') return `make ${name} NOT NULL, or route by another column`;
  return `ALTER TABLE ${table} MODIFY ${quoteId(name)} ${integerType(column)} NOT NULL;`;
}

function integerType(column: Column): string {
  if (column.type.kind !== 'integer') return '';
  const { bits, unsigned } = column.type;
  const word = { 8: 'TINYINT', 16: 'SMALLINT', 24: 'MEDIUMINT', 32: 'INT', 64: 'BIGINT' }[bits];
  return unsigned ? `${word} UNSIGNED` : word;
}

/** All findings of one table that is known to exist. */
export async function checkTable(
  c: TableContext,
  schema: TableSchema,
  facts: TableFacts,
  route: RouteSpec,
): Promise<Finding[]> {
  const { db, table } = schema;
  const where = `${c.where} ${db}.${table}`;
  const name = qualified(db, table);
  const keys = await inspectKeys(c.session, db, table);
  return [
    ...checkEngine(facts, where, name),
    ...(await checkRowKey(c.session, schema, keys, where)),
    ...checkColumns(schema, where),
    ...checkUniqueKeys(keys, keyIndexName(schema), where, name),
    ...checkRoute(schema, route, where),
    ...(await checkRowSize(c.session, schema, c.maxMessageBytes, where)),
  ];
}
