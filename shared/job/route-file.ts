/**
 * The lookup table of a route, from a file beside the job file: a line for each value, its target
 * behind the last comma. What comes of it is a route by list: its values are part of the job's
 * identity, so another table under the same name is refused as another route is.
 */
import { ReshardError } from '../runtime/error.ts';

/** Reads a file that the job file names, as UTF-8. */
export type ReadBeside = (file: string) => string;

/** Characters: like the code of a function, every member keeps it with the job. */
const FILE_MAX = 65_536;

type Json = Record<string, unknown>;

/** The document with a route by list wherever there was one by lookup. */
export function withLookups(document: unknown, read: ReadBeside): unknown {
  if (Array.isArray(document)) return document.map(part => withLookups(part, read));
  if (!isRecord(document)) return document;
  const { file, ...rest } = document;
  // One with values besides is no route: it is left to be refused.
  if (document.kind === 'lookup' && typeof file === 'string' && !('values' in rest)) {
    return { ...rest, kind: 'list', values: lookedUp(file, read(file)) };
  }
  return Object.fromEntries(
    Object.entries(document).map(([name, part]) => [name, withLookups(part, read)]),
  );
}

/** By target, its values. */
function lookedUp(file: string, text: string): Record<string, string[]> {
  if (text.length > FILE_MAX) {
    throw wrong(file, `has ${text.length} characters, at most ${FILE_MAX} are kept with a job`);
  }
  const values = new Map<string, string[]>();
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line === '') continue;
    const comma = line.lastIndexOf(',');
    const target = line.slice(comma + 1).trim();
    if (comma < 0 || target === '') throw wrong(file, `line ${i + 1} names no target`);
    const known = values.get(target) ?? [];
    known.push(line.slice(0, comma));
    values.set(target, known);
  }
  if (values.size === 0) throw wrong(file, 'has no line');
  return Object.fromEntries(values);
}

function wrong(file: string, what: string): ReshardError {
  return new ReshardError('config', `the lookup table ${file} ${what}`, {
    remedy: 'a line is `value,target`, without quotes; the target is a name of the job file',
  });
}

function isRecord(x: unknown): x is Json {
  return typeof x === 'object' && x !== null;
}
