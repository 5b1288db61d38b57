/**
 * One feature of the corpus: a file in plain SQL about one table, which has the file's name and a
 * column `id` that rows are routed by. Lines that begin with `--` part it:
 *
 *   -- (prose: what is odd about it)
 *   -- flavor: mysql                  only there
 *   -- key: <column>, <column>         what the job file says of its row key
 *   -- refused: <words of the doctor> the table is not taken; else it must be carried
 *   -- table                          how it is made
 *   -- rows                           statements that fill it
 *   -- changes                        changes behind the copy
 *   -- events                         what a consumer has in the end: the columns named, as JSON
 *
 * A statement ends with `;` at the end of a line. The table's name must mean nothing else in its
 * file, as the same statements also make and fill tables under other names.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Feature {
  name: string;
  /** undefined: any. */
  flavor: string | undefined;
  /** Columns of the row key, where the job names them. */
  key: string[] | undefined;
  /** The words in which the doctor refuses it. */
  refused: string | undefined;
  table: string[];
  rows: string[];
  changes: string[];
  events: Record<string, string | null>[];
}

const FOLDER = path.dirname(fileURLToPath(import.meta.url));
const SECTIONS = ['table', 'rows', 'changes', 'events'] as const;
type Section = (typeof SECTIONS)[number];

export function features(): Feature[] {
  const files = readdirSync(FOLDER).filter(f => f.endsWith('.sql'));
  return files.sort().map(file => {
    const name = path.basename(file, '.sql');
    return parse(name, readFileSync(path.join(FOLDER, file), 'utf8'));
  });
}

function parse(name: string, text: string): Feature {
  const parts: Record<Section, string[]> = { table: [], rows: [], changes: [], events: [] };
  let section: Section | undefined;
  for (const line of text.split('\n')) {
    const marked = SECTIONS.find(s => line === `-- ${s}`);
    if (marked !== undefined) section = marked;
    else if (section !== undefined && !line.startsWith('--')) parts[section].push(line);
  }
  const said = (word: string): string | undefined =>
    new RegExp(`^-- ${word}: (.*)$`, 'm').exec(text)?.[1];
  const statements = (lines: string[]): string[] =>
    lines
      .join('\n')
      .split(/;$/m)
      .flatMap(s => s.trim() || []);
  if (parts.table.length === 0) throw new Error(`${name}: no table`);
  return {
    name,
    flavor: said('flavor'),
    key: said('key')?.split(', '),
    refused: said('refused'),
    table: statements(parts.table),
    rows: statements(parts.rows),
    changes: statements(parts.changes),
    events: parts.events.filter(line => line !== '').map(line => JSON.parse(line)),
  };
}

/** The same statement about a table of another name. */
export function renamed(sql: string, from: string, to: string): string {
  return sql.replace(new RegExp(`\\b${from}\\b`, 'g'), to);
}
