/**
 * What became of the schema changes that a job has met: the statements at which sources stand now,
 * by their reports, and those behind which their logs went on, by the records of the sources' schema
 * topics. Nothing is asked of a server.
 */
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import { readSchemaChanges, type SchemaChange } from '../../../shared/job/state/schema-change.ts';
import { registryOf } from '../../../shared/member/context.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { haltedTable, haltIn } from '../phase/halt.ts';
import type { JobLink } from './job-handle.ts';

/** A statement at which the log of a source stands. */
export interface OpenStatement {
  source: string;
  /** Null: it may be any. */
  table: string | null;
  /** When it was reported. */
  tsMs: number;
  /** What, where, and the way out. */
  error: string;
}

/** Schemas that values of a table's records have or had, oldest first. */
export interface TableVersions {
  source: string;
  table: string;
  topic: string;
  versions: { valueSchemaId: number; columns: number }[];
}

export interface DdlList {
  open: OpenStatement[];
  /** Oldest first, by source. */
  changes: SchemaChange[];
  tables: TableVersions[];
  /** Sources whose log keeps no records: their topic is not there. */
  without: string[];
}

export async function listDdl(
  link: JobLink,
  isAsked: (source: string, table: string | null) => boolean,
): Promise<DdlList> {
  const { job, kafka, view, reports } = link;
  const registry = registryOf(job);
  const changes: SchemaChange[] = [];
  const without: string[] = [];
  for (const { name } of job.sources) {
    const found = await readSchemaChanges({ kafka, registry }, name, view.jobId);
    if (found === null) without.push(name);
    else changes.push(...found.filter(c => isAsked(c.source, c.table)));
  }
  const plans = [...view.plans.values()].filter(p => isAsked(p.source, p.table));
  const open = openStatements(reports.values()).filter(o => isAsked(o.source, o.table));
  return { open, changes, tables: plans.map(versionsOf), without };
}

/** Kinds of halts that a statement is the cause of. */
const OF_STATEMENTS = new Set(['schema-changed', 'unsafe-event']);

/** Pure: by the reports of the sources' units. */
export function openStatements(reports: Iterable<Report>): OpenStatement[] {
  const open: OpenStatement[] = [];
  for (const report of reports) {
    const halt = haltIn(report);
    if (halt === null || !OF_STATEMENTS.has(halt.kind)) continue;
    const { unit, error, tsMs } = report;
    open.push({ source: unit, table: haltedTable(halt), tsMs, error: error ?? '' });
  }
  return open.sort((a, b) => a.tsMs - b.tsMs);
}

function versionsOf(plan: TablePlan): TableVersions {
  const { source, table, topic, schemaJson, valueSchemaId, older = [] } = plan;
  const versions = [...older, { schemaJson, valueSchemaId }].map(v => {
    const { columns }: { columns: unknown[] } = JSON.parse(v.schemaJson);
    return { valueSchemaId: v.valueSchemaId, columns: columns.length };
  });
  return { source, table, topic, versions };
}
