/**
 * The house rules as tests: import direction, who may touch which library, lengths, banned words.
 * A rule that only a reader enforces is broken by the next change.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A room may import rooms of a lower rank, and itself. */
const RANK: Record<string, number> = {
  'shared/runtime': 0,
  'shared/row': 1,
  'shared/topic': 1,
  'shared/change': 2,
  'shared/route': 2,
  'shared/mysql': 2,
  'shared/job': 2,
  'shared/codec': 3,
  'shared/plan': 4,
  'shared/member': 4,
  'services/snapshot': 5,
  'services/binlog': 5,
  'services/sink': 5,
  'services/checker': 5,
  'services/control': 5,
  test: 6,
};

/** A library, and the one room (or file) that may import it. */
const OWNED: Record<string, string> = {
  kafkajs: 'shared/topic/',
  mysql2: 'shared/mysql/',
  '@vlasky/zongji': 'services/binlog/zongji.ts',
  avsc: 'shared/codec/',
  '@kafkajs/confluent-schema-registry': 'shared/codec/',
  'prom-client': 'shared/runtime/',
  fastify: 'shared/runtime/',
  pino: 'shared/runtime/',
  commander: 'services/control/',
};

const LINES_MAX = 400;
const COLUMNS_MAX = 100;

/** The composition root: `reshard service <name>` starts any service. */
const COMPOSITION_ROOT = 'services/control/cli/service.ts';

function sources(): string[] {
  const files: string[] = [];
  for (const top of ['shared', 'services', 'test']) {
    for (const entry of readdirSync(path.join(ROOT, top), { recursive: true })) {
      const file = `${top}/${String(entry)}`;
      if (file.endsWith('.ts')) files.push(file);
    }
  }
  return files;
}

function roomOf(file: string): string {
  if (file.startsWith('test/')) return 'test';
  return file.split('/').slice(0, 2).join('/');
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

function imports(file: string): string[] {
  const found = read(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
  return [...found].map(m => m[1] ?? '');
}

function isTest(file: string): boolean {
  return file.startsWith('test/') || file.endsWith('.test.ts');
}

const FILES = sources();

describe('house rules', () => {
  test('every file is in a known room', () => {
    expect(FILES.filter(f => RANK[roomOf(f)] === undefined)).toEqual([]);
  });

  test('imports go to a lower rank, or stay in the room', () => {
    const wrong: string[] = [];
    for (const file of FILES) {
      if (isTest(file) || file === COMPOSITION_ROOT) continue;
      for (const to of imports(file).filter(i => i.startsWith('.'))) {
        const target = path.posix.join(path.posix.dirname(file), to);
        const [from, into] = [roomOf(file), roomOf(target)];
        if (from === into) continue;
        const [a, b] = [RANK[from] ?? -1, RANK[into] ?? 99];
        if (b >= a) wrong.push(`${file} -> ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('a library is imported by its owner alone', () => {
    const wrong: string[] = [];
    for (const file of FILES) {
      if (isTest(file)) continue;
      for (const [library, owner] of Object.entries(OWNED)) {
        const uses = imports(file).some(i => i === library || i.startsWith(`${library}/`));
        if (uses && !file.startsWith(owner)) wrong.push(`${file} imports ${library}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test(`no file is longer than ${LINES_MAX} lines, no line than ${COLUMNS_MAX} columns`, () => {
    const wrong: string[] = [];
    for (const file of FILES) {
      const lines = read(file).split('\n');
      if (lines.length > LINES_MAX + 1) wrong.push(`${file}: ${lines.length} lines`);
      lines.forEach((line, i) => {
        if (line.length > COLUMNS_MAX && !/https?:|`|'/.test(line)) {
          wrong.push(`${file}:${i + 1}: ${line.length} columns`);
        }
      });
    }
    expect(wrong).toEqual([]);
  });

  test('no test is skipped or singled out, and nothing is left unfinished', () => {
    const banned = new RegExp(
      ['\\b(it|test|describe)\\.(only|todo|skip)\\(', '\\bTO' + 'DO\\b', '\\bFIX' + 'ME\\b'].join(
        '|',
      ),
    );
    expect(FILES.filter(f => banned.test(read(f)))).toEqual([]);
  });

  test('production code does not write to the console', () => {
    const wrong = FILES.filter(f => !isTest(f) && /\bconsole\.\w+\(/.test(read(f)));
    expect(wrong).toEqual([]);
  });

  test('every source file says what it is for', () => {
    const wrong = FILES.filter(
      f => !f.endsWith('.test.ts') && !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(read(f)),
    );
    expect(wrong).toEqual([]);
  });
});
