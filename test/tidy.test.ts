/**
 * The house rules as tests: import direction, who may touch which library, lengths, banned words.
 * A rule that only a reader enforces is broken by the next change.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The rooms from the ground up: a room may import what stands before it, and itself. */
const ROOMS = [
  'shared/runtime',
  'shared/type',
  'shared/schema',
  'shared/row',
  'shared/change',
  'shared/route',
  'shared/transform',
  'shared/mysql',
  'shared/registry',
  'shared/kafka/wire',
  'shared/kafka',
  'shared/codec',
  'shared/job',
  'shared/job/state',
  'shared/member',
  'services/snapshot',
  'services/binlog/ddl',
  'services/binlog/capture',
  'services/binlog/writer',
  'services/binlog',
  'services/sink/intake',
  'services/sink/dead-letter',
  'services/sink/destination',
  'services/sink/destination/mysql',
  'services/sink',
  'services/checker/full',
  'services/checker/stream',
  'services/checker',
  'services/control/status',
  'services/control/repair',
  'services/control/cutover',
  'services/control/handover',
  'services/control/phase',
  'services/control/doctor/mysql',
  'services/control/doctor',
  'services/control/command',
  'services/control/cli',
  'services/control',
  'test',
];

/** A library, and the one room (or file) that may import it. */
const OWNED: Record<string, string> = {
  kafkajs: 'shared/kafka/wire/',
  mysql2: 'shared/mysql/',
  '@vlasky/zongji': 'services/binlog/capture/zongji.ts',
  avsc: 'shared/codec/',
  '@kafkajs/confluent-schema-registry': 'shared/registry/',
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

/** The innermost room that a file is in; -1 for none. */
function rankOf(file: string): number {
  const inside = ROOMS.filter(room => file.startsWith(`${room}/`));
  return ROOMS.indexOf(inside.sort((a, b) => a.length - b.length).at(-1) ?? '');
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
    expect(FILES.filter(f => rankOf(f) < 0)).toEqual([]);
  });

  test('imports go to a room that stands before, or stay in the room', () => {
    const wrong: string[] = [];
    for (const file of FILES) {
      if (isTest(file) || file === COMPOSITION_ROOT) continue;
      for (const to of imports(file).filter(i => i.startsWith('.'))) {
        const target = path.posix.join(path.posix.dirname(file), to);
        if (rankOf(target) > rankOf(file)) wrong.push(`${file} -> ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('services meet only through topics and shared rooms', () => {
    const serviceOf = (file: string) => /^services\/([^/]+)\//.exec(file)?.[1];
    const wrong: string[] = [];
    for (const file of FILES) {
      if (isTest(file) || file === COMPOSITION_ROOT) continue;
      for (const to of imports(file).filter(i => i.startsWith('.'))) {
        const target = serviceOf(path.posix.join(path.posix.dirname(file), to));
        if (serviceOf(file) && target && target !== serviceOf(file)) wrong.push(`${file} -> ${to}`);
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
