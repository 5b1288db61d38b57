/**
 * The shape of the code as tests: how long a function may be, that nothing stands there unused, and
 * that a switch that meets something new says so. Read from the syntax tree, not from the text.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAst } from 'vitest/node';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FUNCTION_LINES_MAX = 60;

/** Started by name: a command line, a container, a child process. */
const ENTRIES = ['services/control/main.ts'];

interface Node {
  type: string;
  start: number;
  end: number;
  [child: string]: unknown;
}

interface Source {
  file: string;
  text: string;
  tree: Node;
  isTest: boolean;
}

function isNode(x: unknown): x is Node {
  return typeof x === 'object' && x !== null && 'type' in x && 'start' in x;
}

function* nodes(x: unknown): Generator<Node> {
  if (Array.isArray(x)) {
    for (const item of x) yield* nodes(item);
    return;
  }
  if (!isNode(x)) return;
  yield x;
  for (const child of Object.values(x)) {
    if (typeof child === 'object') yield* nodes(child);
  }
}

function sources(): Source[] {
  const found: Source[] = [];
  for (const top of ['shared', 'services', 'test']) {
    for (const entry of readdirSync(path.join(ROOT, top), { recursive: true })) {
      const file = `${top}/${String(entry).replaceAll('\\', '/')}`;
      if (!file.endsWith('.ts')) continue;
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      const tree: unknown = parseAst(text, { lang: 'ts' });
      const isTest = file.startsWith('test/') || file.endsWith('.test.ts');
      if (isNode(tree)) found.push({ file, text, tree, isTest });
    }
  }
  return found;
}

const SOURCES = sources();
const CODE = SOURCES.filter(s => !s.isTest);

function place({ file, text }: Source, { start }: Node): string {
  return `${file}:${text.slice(0, start).split('\n').length}`;
}

function nameOf(x: unknown): string {
  if (!isNode(x)) return '';
  return typeof x.name === 'string' ? x.name : String(x.value ?? '');
}

/** Files that a file imports, of ours. */
function importsOf({ file, text }: Pick<Source, 'file' | 'text'>): string[] {
  const relative = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)];
  return relative.map(m => path.posix.join(path.posix.dirname(file), m[1] ?? ''));
}

/** The same without those of types alone, which are nothing when it runs. */
function runsOf({ file, text }: Source): string[] {
  return importsOf({ file, text: text.replace(/^(?:import|export) type [^;]*;/gm, '') });
}

/** The entries with all that they need of these files. */
function reachedFrom(
  files: readonly Source[],
  entries: readonly string[],
  needs: (source: Source) => string[],
): Set<string> {
  const byFile = new Map(files.map(s => [s.file, s]));
  const reached = new Set<string>();
  const open = [...entries];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const source = byFile.get(file);
    if (source === undefined || reached.has(file)) continue;
    reached.add(file);
    open.push(...needs(source));
  }
  return reached;
}

function exportsOf({ tree }: Source): string[] {
  const names: string[] = [];
  for (const node of Array.isArray(tree.body) ? tree.body.filter(isNode) : []) {
    if (node.type !== 'ExportNamedDeclaration') continue;
    const { declaration } = node;
    // Types may be exported to be read; what runs must be used.
    if (isNode(declaration) && !/^TS/.test(declaration.type)) {
      const list = Array.isArray(declaration.declarations) ? declaration.declarations : [];
      names.push(nameOf(declaration.id), ...list.filter(isNode).map(d => nameOf(d.id)));
    }
    const listed = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : [];
    names.push(...listed.map(s => nameOf(s.exported)));
  }
  return names.filter(name => name !== '');
}

describe('the shape of the code', () => {
  test(`no function is longer than ${FUNCTION_LINES_MAX} lines`, () => {
    const long: string[] = [];
    for (const source of CODE) {
      for (const node of nodes(source.tree)) {
        if (!/^(Function|ArrowFunction)/.test(node.type) || !isNode(node.body)) continue;
        const lines = source.text.slice(node.start, node.end).split('\n').length;
        if (lines > FUNCTION_LINES_MAX) long.push(`${place(source, node)}: ${lines} lines`);
      }
    }
    expect(long).toEqual([]);
  });

  test('a default of a switch over kinds is loud', () => {
    const silent: string[] = [];
    for (const source of CODE) {
      for (const node of nodes(source.tree)) {
        if (node.type !== 'SwitchStatement' || !isNode(node.discriminant)) continue;
        const { start, end } = node.discriminant;
        if (!/\b(kind|form|phase|flavor|state)$/.test(source.text.slice(start, end))) continue;
        const cases = Array.isArray(node.cases) ? node.cases.filter(isNode) : [];
        const rest = cases.find(c => c.test === null);
        const text = rest === undefined ? '' : source.text.slice(rest.start, rest.end);
        if (!/\bunreachable\(|\bthrow\b|'unknown'/.test(text)) silent.push(place(source, node));
      }
    }
    expect(silent).toEqual([]);
  });

  test('every file of the product is reached from an entry', () => {
    const reached = reachedFrom(CODE, ENTRIES, importsOf);
    expect(CODE.map(s => s.file).filter(file => !reached.has(file))).toEqual([]);
  });

  test('what proves runs no code of what it proves', () => {
    const runs = (...entries: string[]): Set<string> => reachedFrom(SOURCES, entries, runsOf);
    const oracle = runs('test/support/oracle.ts');
    expect([...oracle].filter(file => !file.startsWith('test/'))).toEqual([]);
    const sink = CODE.map(s => s.file).filter(file => file.startsWith('services/sink/'));
    const applied = runs(...sink);
    const shared = [...runs('services/checker/stream/fingerprint.ts')].filter(f => applied.has(f));
    expect(shared.filter(file => !/runtime\/(bytes|error[a-z-]*)\.ts$/.test(file))).toEqual([
      // How many bytes stand in front of a record.
      'shared/codec/registry-frame.ts',
    ]);
    // What has the servers hash their rows.
    const hashed = ['shared/mysql/row-hash.ts', 'services/checker/full/digest.ts'];
    expect(hashed.filter(file => applied.has(file))).toEqual([]);
    expect(hashed.filter(file => !SOURCES.some(s => s.file === file))).toEqual([]);
  });

  test('code that is exported is used by another file', () => {
    const used = new Map<string, string>();
    for (const importer of SOURCES) {
      for (const file of importsOf(importer)) {
        used.set(file, `${used.get(file) ?? ''}\n${importer.text}`);
      }
    }
    const dead: string[] = [];
    for (const source of CODE) {
      const users = used.get(source.file) ?? '';
      for (const name of exportsOf(source)) {
        if (!new RegExp(`\\b${name.replaceAll('$', '\\$')}\\b`).test(users)) {
          dead.push(`${source.file}: ${name}`);
        }
      }
    }
    expect(dead).toEqual([]);
  });
});
