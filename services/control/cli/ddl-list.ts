/** `reshard ddl list`: what became of the schema changes that the job has met, open ones first. */
import { type DdlList, listDdl } from '../command/ddl-list.ts';
import type { JobLink } from '../command/job-handle.ts';
import { EXIT } from './exit-code.ts';
import { print, printJson } from './output.ts';

export async function showDdlList(
  links: readonly JobLink[],
  o: { source: string | undefined; tables: readonly string[]; json: boolean },
): Promise<number> {
  const isAsked = (source: string, table: string | null): boolean => {
    const isOfSource = o.source === undefined || o.source === source;
    // What may be of any table is of these too.
    return isOfSource && (o.tables.length === 0 || table === null || o.tables.includes(table));
  };
  const lists = await Promise.all(links.map(link => listDdl(link, isAsked)));
  const list: DdlList = {
    open: lists.flatMap(l => l.open),
    changes: lists.flatMap(l => l.changes),
    tables: lists.flatMap(l => l.tables),
    without: lists.flatMap(l => l.without),
  };
  if (o.json) printJson(list);
  else print(`${renderDdlList(list)}\n`);
  return EXIT.ok;
}

/** Pure. */
export function renderDdlList({ open, changes, tables, without }: DdlList): string {
  const parts = open.map(({ source, table, error, tsMs }) => {
    const where = table === null ? source : `${source}: ${table}`;
    const told = new Date(tsMs).toISOString();
    return `open  ${where}: the log stands here, as told at ${told}\n${indented(error)}`;
  });
  for (const change of changes) {
    const { source, table, gtid, tsMs, statement, valueSchemaId, by } = change;
    const decision = by === '' ? change.decision : `${change.decision} by ${by}`;
    const at = `${new Date(tsMs).toISOString()}  ${source}: ${table}  ${gtid}`;
    parts.push(`${at}\n  ${decision}, values of schema ${valueSchemaId}: ${statement}`);
  }
  if (open.length === 0 && changes.length === 0)
    parts.push('no statement on a table of the job yet');
  const grown = tables.filter(t => t.versions.length > 1);
  parts.push(
    ...grown.map(({ source, table, versions }) => {
      const all = versions.map(v => `${v.valueSchemaId} (${v.columns} columns)`);
      return `${source}: ${table} has records of value schemas ${all.join(', ')}`;
    }),
    ...without.map(
      name => `${name}: no records are kept; control of this version makes their topic`,
    ),
  );
  return parts.join('\n');
}

function indented(text: string): string {
  return text
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n');
}
