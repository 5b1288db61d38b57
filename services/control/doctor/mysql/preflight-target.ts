/**
 * Everything that must be true of a target before rows are written to it: it takes writes, holds
 * equal and empty tables (or a job that goes on), and nothing on it changes rows by itself.
 */

import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import type { Finding } from '../../../../shared/mysql/finding.ts';
import { readAccount } from '../../../../shared/mysql/grant.ts';
import { qualified, quoteId } from '../../../../shared/mysql/identifier.ts';
import {
  inspectTable,
  listTables,
  type ServerFacts,
  serverFacts,
} from '../../../../shared/mysql/inspect.ts';
import {
  createTableSql,
  hasPeriodKey,
  isUnprintable,
} from '../../../../shared/mysql/schema-copy.ts';
import {
  alterTable,
  type PrintedTable,
  type TableCollation,
} from '../../../../shared/mysql/schema-fix.ts';
import { isFrom } from '../../../../shared/mysql/server-version.ts';
import { schemaDifferences } from '../../../../shared/schema/schema-diff.ts';
import { withoutColumns } from '../../../../shared/schema/table-growth.ts';
import { allColumns, type TableSchema } from '../../../../shared/schema/table-schema.ts';
import { checkPrivileges, TARGET_NEEDS } from './grant.ts';
import { otherFlavor } from './other-flavor.ts';
import { serverUuid, tableError } from './preflight-source.ts';
import { checkEngine } from './preflight-table.ts';
import { checkSettings, setGlobal, TARGET_RULES } from './setting-rule.ts';

export interface TargetRequest {
  where: string;
  db: string;
  tables: readonly string[];
  /** What the tables must be, by name, from the source. */
  schemas: ReadonlyMap<string, TableSchema>;
  /** The source's tables, by name. */
  printed: ReadonlyMap<string, PrintedTable>;
  /** Undefined if no source could be examined. */
  sourceFacts: ServerFacts | undefined;
  maxMessageBytes: number;
  /** Missing tables will be made (`--create-targets`). */
  createTargets: boolean;
  /** The job has written here before: rows are expected. */
  resuming: boolean;
}

export interface TargetReport {
  findings: Finding[];
  facts: ServerFacts;
  serverUuid: string;
}

export async function preflightTarget(
  session: MysqlSession,
  request: TargetRequest,
): Promise<TargetReport> {
  const { where, db, tables } = request;
  const facts = await serverFacts(session);
  const needs = TARGET_NEEDS;
  const findings = [
    ...checkVersion(session, where),
    ...checkSettings(TARGET_RULES, session.flavor, facts, where),
    ...checkPrivileges(await readAccount(session), needs, db, tables, where),
    ...checkPacket(session, facts, request),
    ...checkParity(session, facts, request),
    ...(await checkTriggers(session, db, tables, where)),
    ...(await checkTargetTables(session, request)),
  ];
  return { findings, facts, serverUuid: serverUuid(facts) };
}

function checkVersion(session: MysqlSession, where: string): Finding[] {
  if (isFrom(session, { mysql: '8.0.19', mariadb: '10.5.0' })) return [];
  return [
    {
      level: 'blocker',
      code: 'target-version',
      where,
      what: `version ${session.version} is too old`,
      why: 'Rows are written by INSERT ... AS new ON DUPLICATE KEY UPDATE, known from MySQL 8.0.19 on (MariaDB 10.5 in its own form).',
      fix: 'upgrade the server',
    },
  ];
}

/** A row goes out as a literal; bytes as hexadecimal digits take twice their size. */
function checkPacket(session: MysqlSession, facts: ServerFacts, request: TargetRequest): Finding[] {
  const packet = facts.number('max_allowed_packet');
  const needed = 2 * request.maxMessageBytes + 1024 * 1024;
  if (packet >= needed) return [];
  const wanted = 2 ** Math.ceil(Math.log2(needed));
  return [
    {
      level: packet < request.maxMessageBytes ? 'blocker' : 'warning',
      code: 'max-allowed-packet',
      where: request.where,
      what: `max_allowed_packet is ${packet}; the largest message, written as a statement, needs ${needed}`,
      why: 'The target would refuse a large row that has come all the way.',
      fix: setGlobal(session.flavor, 'max_allowed_packet', String(wanted)),
    },
  ];
}

const PARITY: readonly { variable: string; why: string }[] = [
  {
    variable: 'sql_mode',
    why: 'The pipeline sets its own; but the application will meet other rules after the move.',
  },
  {
    variable: 'time_zone',
    why: 'The pipeline works in UTC; but NOW() and TIMESTAMP texts of the application will differ.',
  },
  {
    variable: 'character_set_server',
    why: 'Tables keep their own; but databases made later will differ.',
  },
  {
    variable: 'collation_server',
    why: 'Tables keep their own; but databases made later, and literals, will compare differently.',
  },
];

function checkParity(session: MysqlSession, facts: ServerFacts, request: TargetRequest): Finding[] {
  const { sourceFacts, where } = request;
  const found: Finding[] = [];
  if (sourceFacts === undefined) return found;
  // Another flavor has other names for these values: only the reader can tell if they agree.
  const isOther = /mariadb/i.test(sourceFacts.text('version')) !== (session.flavor === 'mariadb');
  for (const { variable, why } of PARITY) {
    const [here, there] = [facts.text(variable), sourceFacts.text(variable)];
    if (here === there) continue;
    found.push({
      level: isOther ? 'info' : 'warning',
      code: `parity-${variable.replaceAll('_', '-')}`,
      where,
      what: `${variable} is ${here || 'empty'}, on the source ${there || 'empty'}`,
      why,
      fix: isOther ? '' : setGlobal(session.flavor, variable, there),
    });
  }
  const names = 'lower_case_table_names';
  if (facts.text(names) !== sourceFacts.text(names)) {
    found.push({
      level: 'warning',
      code: 'parity-lower-case-table-names',
      where,
      what: `${names} is ${facts.text(names)}, on the source ${sourceFacts.text(names)}`,
      why: 'Table names that differ in case only are one table on one side and two on the other.',
      fix: 'initialise the target server with the same value; it cannot be changed later',
    });
  }
  return found;
}

async function checkTriggers(
  session: MysqlSession,
  db: string,
  tables: readonly string[],
  where: string,
): Promise<Finding[]> {
  const rows = await session.query<{ name: string; onTable: string }>(
    `SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS onTable
       FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? ORDER BY TRIGGER_NAME`,
    [db],
  );
  return rows
    .filter(r => tables.includes(r.onTable))
    .map(({ name, onTable }) => ({
      level: 'blocker',
      code: 'target-trigger',
      where: `${where} ${db}.${onTable}`,
      what: `the trigger ${name} is on the table`,
      why: 'It would act a second time: what it did on the source arrives as rows of its own.',
      fix: `DROP TRIGGER ${quoteId(db)}.${quoteId(name)}; -- and create it again after the job`,
    }));
}

async function checkTargetTables(
  session: MysqlSession,
  request: TargetRequest,
): Promise<Finding[]> {
  const { db, where } = request;
  const present = new Map((await listTables(session, db)).map(t => [t.table, t]));
  const found: Finding[] = [];
  for (const table of request.tables) {
    const place = `${where} ${db}.${table}`;
    const facts = present.get(table);
    const wanted = request.schemas.get(table);
    const printed = request.printed.get(table);
    const kinds = { from: printed?.collation.flavor ?? session.flavor, to: session.flavor };
    const foreign = wanted === undefined ? [] : otherFlavor(wanted, kinds, place);
    if (facts === undefined) {
      const { statement = '' } = printed ?? {};
      const unmade = [
        ...foreign,
        ...(isUnprintable(statement) ? [unprintable(place)] : []),
        ...(hasPeriodKey(statement) ? [periodKey(place, 'on the source')] : []),
      ];
      found.push(missingTable(place, request.createTargets && unmade.length === 0), ...unmade);
      continue;
    }
    found.push(...foreign, ...checkEngine(facts, place, qualified(db, table)));
    try {
      const isOwn = session.flavor === 'mariadb';
      const made = isOwn ? await createTableSql(session, db, table) : '';
      if (hasPeriodKey(made)) found.push(periodKey(place, 'here'));
      const schema = await inspectTable(session, db, table, { like: wanted });
      if (wanted !== undefined && printed !== undefined) {
        const there = { flavor: session.flavor, name: facts.collation };
        const { resuming } = request;
        const left = resuming ? targetsOnlyOf(wanted, schema) : [];
        found.push(...left.map(column => leftColumn(`${place}.${column}`)));
        const bare = withoutColumns(schema, left, schema);
        const differing = checkSchema(wanted, bare, place, printed, there);
        found.push(...differing.filter(d => !foreign.some(f => f.where === d.where)));
      }
      if (!request.resuming) found.push(...(await checkEmpty(session, schema, place)));
    } catch (e) {
      found.push(tableError(e, session, place));
    }
  }
  return found;
}

function missingTable(where: string, createTargets: boolean): Finding {
  return {
    level: createTargets ? 'info' : 'blocker',
    code: 'target-table-missing',
    where,
    what: createTargets ? 'the table will be created as it is on the source' : 'there is no table',
    why: 'Rows are written into tables that are there already.',
    fix: createTargets ? '' : 'start the job with --create-targets, or create the table',
  };
}

function unprintable(where: string): Finding {
  return {
    level: 'blocker',
    code: 'unprintable-definition',
    where,
    what: 'the source does not print a default or an expression of the table as it is',
    why: 'A table that is made by what is printed has other values.',
    fix: '-- create the table on the targets by the statement that has made it on the source',
  };
}

function periodKey(where: string, place: string): Finding {
  return {
    level: 'blocker',
    code: 'target-period-key',
    where,
    what: `a key of the table is WITHOUT OVERLAPS ${place}`,
    why: 'Such a table takes no INSERT ... ON DUPLICATE KEY UPDATE, by which rows are written.',
    fix: '-- create it on the target with a plain key of the same columns; change that after the job',
  };
}

/** Sources drop columns while a job runs, and the targets may keep them. */
function targetsOnlyOf(wanted: TableSchema, schema: TableSchema): string[] {
  const has = new Set(allColumns(wanted).map(c => c.name));
  return allColumns(schema).flatMap(({ name }) => (has.has(name) ? [] : [name]));
}

function leftColumn(where: string): Finding {
  return {
    level: 'warning',
    code: 'target-schema',
    where,
    what: 'is on the target only',
    why: 'Rows come without it: it has what the target gives them.',
    fix: '',
  };
}

function checkSchema(
  wanted: TableSchema,
  schema: TableSchema,
  where: string,
  printed: PrintedTable,
  there: TableCollation,
): Finding[] {
  const name = qualified(schema.db, schema.table);
  return schemaDifferences(wanted, schema).map(({ column, what, blocks, remedy, width }) => {
    const finding = {
      code: 'target-schema',
      where: column === '' ? where : `${where}.${column}`,
      what,
    };
    // A statement that makes it narrower again would be for nobody.
    if (width === 'wider') return { ...finding, level: 'info', why: 'Every row fits.', fix: '' };
    return {
      ...finding,
      level: blocks ? 'blocker' : 'warning',
      why: blocks
        ? 'A row of the source might not go in unchanged.'
        : 'Rows go in unchanged, but the table behaves differently.',
      fix:
        alterTable(name, remedy, printed, there) ??
        `-- make it as on the source: SHOW CREATE TABLE ${qualified(wanted.db, wanted.table)};`,
    };
  });
}

async function checkEmpty(
  session: MysqlSession,
  schema: TableSchema,
  where: string,
): Promise<Finding[]> {
  const name = qualified(schema.db, schema.table);
  const { rows } = await session.rawQuery(`SELECT 1 FROM ${name} LIMIT 1`);
  if (rows === 0) return [];
  return [
    {
      level: 'blocker',
      code: 'target-not-empty',
      where,
      what: 'the table has rows already',
      why: 'Rows that the source does not have would stay, and count as differences.',
      fix: `TRUNCATE TABLE ${name}; -- if nobody needs these rows`,
    },
  ];
}
