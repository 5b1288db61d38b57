/**
 * What the doctor says to each table of a published schema, and the page that tells it: the table
 * of docs/SCHEMAS.md is made by the run and by nothing else.
 */

import type { RouteSpec } from '../../shared/job/route-spec.ts';
import type { Finding } from '../../shared/mysql/finding.ts';
import type { Table } from './table.ts';

export type Answer =
  /** Routed by hash of its primary key. */
  | { table: string; kind: 'as it is'; route: RouteSpec }
  /** Its key is none to route by: all of its rows go to one target. */
  | { table: string; kind: 'by an option'; route: RouteSpec; why: string }
  | { table: string; kind: 'refused'; why: string };

/** Every table of the schema. */
export const ALL = 'all tables';

/** What one of its own scripts did to a table while it was copied. */
export interface Change {
  table: string;
  way: 'taken up' | 'copied anew';
}

export interface SchemaResult {
  name: string;
  answers: readonly Answer[];
  /** null: it has no script of its own. */
  changes: readonly Change[] | null;
}

/** What the answer is about. */
type Keyed = Pick<Table, 'name' | 'primaryKey'>;

const ROUTE_PROBLEMS = ['shard-column', 'shard-column-type', 'shard-column-null'];

export function firstRoute(table: Keyed): RouteSpec {
  return table.primaryKey.length > 0
    ? { kind: 'hash', columns: table.primaryKey }
    : { kind: 'target', target: 'target1' };
}

/** By the blockers of all tables; those that name no table of the database are not among them. */
export function answerOf(table: Keyed, database: string, findings: readonly Finding[]): Answer {
  const route = firstRoute(table);
  const name = `${database}.${table.name}`;
  const about = (where: string): boolean =>
    where.endsWith(` ${name}`) || where.includes(` ${name}.`);
  const blockers = findings.filter(f => f.level === 'blocker' && about(f.where));
  const whys = new Set(
    blockers.map(f => {
      const column = f.where.split(`${name}.`)[1];
      return column === undefined ? f.what : `${column}: ${f.what}`;
    }),
  );
  const why = [...whys].join('; ');
  if (blockers.length === 0) return { table: table.name, kind: 'as it is', route };
  if (blockers.every(f => ROUTE_PROBLEMS.includes(f.code))) {
    const pinned: RouteSpec = { kind: 'target', target: 'target1' };
    return { table: table.name, kind: 'by an option', route: pinned, why };
  }
  return { table: table.name, kind: 'refused', why };
}

/** Blockers that are about no table: they would say nothing about the schema. */
export function otherBlockers(database: string, findings: readonly Finding[]): Finding[] {
  return findings.filter(f => f.level === 'blocker' && !f.where.includes(` ${database}.`));
}

const HEAD = '| schema | tables | as they are | by an option | refused | its own migration |';
const REASONS_HEAD = '| schema | tables | answer | why |';

/** Rows of the tables of a page that is laid out, with one blank between cells. */
export function rowsOf(text: string): string[] {
  const lines = text.split('\n').map(line => line.replace(/ +\|/g, ' |'));
  return lines.filter(line => line.startsWith('| '));
}

/** Laid out as the formatter of this repository wants it: columns of one width. */
function laidOut(head: string, rows: readonly string[]): string {
  const cells = [head, ...rows].map(row => row.slice(2, -2).split(' | '));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map(c => c[i]?.length ?? 0)));
  const line = (of: (i: number) => string): string =>
    `| ${widths.map((width, i) => of(i).padEnd(width)).join(' | ')} |`;
  const [first = '', ...others] = cells.map(c => line(i => c[i] ?? ''));
  return [first, line(i => '-'.repeat(widths[i] ?? 0)), ...others].join('\n');
}

export function schemaRow({ name, answers, changes }: SchemaResult): string {
  const count = (kind: Answer['kind']): number => answers.filter(a => a.kind === kind).length;
  const cells = [
    name,
    answers.length,
    count('as it is'),
    count('by an option'),
    count('refused'),
    changes === null ? '-' : changesText(changes),
  ];
  return `| ${cells.join(' | ')} |`;
}

function changesText(changes: readonly Change[]): string {
  if (changes.length === 0) return 'passes';
  const ways = ['taken up', 'copied anew'] as const;
  return ways
    .flatMap(way => {
      const tables = changes
        .filter(c => c.way === way)
        .map(c => (c.table === ALL ? ALL : `\`${c.table}\``));
      return tables.length === 0 ? [] : `${way}: ${tables.sort().join(', ')}`;
    })
    .join('; ');
}

/** Lines of the second table: tables that do not pass as they are, by the reason. */
export function reasonRows({ name, answers }: SchemaResult): string[] {
  const groups = new Map<string, string[]>();
  for (const answer of answers) {
    if (answer.kind === 'as it is') continue;
    const key = `${answer.kind} | ${answer.why.replaceAll('|', '/')}`;
    groups.set(key, [...(groups.get(key) ?? []), `\`${answer.table}\``]);
  }
  return [...groups].map(([key, tables]) => `| ${name} | ${tables.join(', ')} | ${key} |`);
}

export function page(results: readonly SchemaResult[]): string {
  const reasons = results.flatMap(reasonRows);
  const sum = (kind?: Answer['kind']): number =>
    results.flatMap(r => r.answers).filter(a => kind === undefined || a.kind === kind).length;
  return `# Schemas of others

Published schemas that nobody here wrote, as their packages carry them, through the whole product:
made on MySQL 9.7, filled with random rows that the server makes and its keys, foreign keys and
constraints accept, copied from one server to two while rows of every table are added, changed (keys
too) and deleted, with scripts of the schema's own that change it meanwhile. At the end the check
says equal, and so does an oracle that compares every column by its bytes.
\`npm run schemas\` does it for all of them and holds this page to what it saw; \`npm test\` takes the
first four.

Of ${sum()} tables ${sum('as it is')} pass as they are, routed by hash of their primary key, ${sum('by an option')} by an
option (a \`route\` of their own, as their key is none to route by), and ${sum('refused')} are refused by the
doctor, with the reason and a statement that helps, before anything is copied.

${laidOut(HEAD, results.map(schemaRow))}

"taken up": columns that were added, by \`reshard ddl apply\`, nothing copied again. "copied anew": by
\`reshard recopy\`, after the targets were altered as \`reshard ddl show\` prints it. "passes": nothing
had to be done (docs/DDL.md).
${reasons.length === 0 ? '' : `\n## What does not pass as it is\n\n${laidOut(REASONS_HEAD, reasons)}\n`}`;
}
