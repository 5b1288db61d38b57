import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { exampleOf } from '../../services/control/cli/init-example.ts';
import { ALL_TARGETS } from '../route/route.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { ColumnType } from '../type/column-type.ts';
import { type Job, routeSpec } from './job.ts';
import { routeOf, routeProblem } from './job-route.ts';
import { parseJob } from './job-schema.ts';
import { ringOf, slotsOf } from './route-owners.ts';
import { type RouteSpec, routeText } from './route-spec.ts';

const ENV = { SOURCE_PASSWORD: 's', TARGET_PASSWORD: 't' };

function jobWith(change: (file: Record<string, unknown>) => void): Job {
  const file = parse(exampleOf('reshard'));
  change(file);
  return parseJob(stringify(file), ENV);
}

function refused(change: (file: Record<string, unknown>) => void): string {
  try {
    jobWith(change);
  } catch (e) {
    if (e instanceof ReshardError && e.kind === 'config') return `${e.message} | ${e.remedy ?? ''}`;
    throw e;
  }
  throw new Error('was accepted');
}

const INT: ColumnType = { kind: 'integer', bits: 32, unsigned: false };
const TEXT: ColumnType = {
  kind: 'text',
  charset: 'utf8mb4',
  collation: 'utf8mb4_0900_ai_ci',
  length: 80,
  form: 'varchar',
};
const DAY: ColumnType = { kind: 'date' };
const DOUBLE: ColumnType = { kind: 'double' };

function table(types: Record<string, ColumnType>, nullable: readonly string[] = []): TableSchema {
  const columns = Object.entries(types).map(([name, type]) => ({
    ...{ name, type, autoIncrement: false, invisible: false },
    nullable: nullable.includes(name),
    generated: 'no' as const,
  }));
  return { db: 'd', table: 't', columns, primaryKey: [0], uniqueKeys: [] };
}

const SCHEMA = table({ id: INT, country: TEXT, day: DAY, size: DOUBLE, note: TEXT }, ['note']);

describe('routes of a job file', () => {
  test('a table has its own route, its shardColumn, or the route of the job', () => {
    const job = jobWith(f => {
      f.tables = [
        { name: 'a' },
        { name: 'b', shardColumn: 'user_id' },
        { name: 'c', route: { kind: 'hash', columns: 'id' } },
        { name: 'd', route: { kind: 'all' } },
      ];
    });
    expect(routeSpec(job, 'a')).toEqual(job.route);
    expect(routeSpec(job, 'b')).toEqual({ kind: 'modulus', column: 'user_id' });
    expect(routeSpec(job, 'c')).toEqual({ kind: 'hash', columns: ['id'] });
    expect(routeOf(job, { ...SCHEMA, table: 'd' }).sql({ quote: n => n })).toBe(`${ALL_TARGETS}`);
  });

  test('a target that there is not, or all targets for several sources, is refused by name', () => {
    expect(
      refused(f => {
        f.route = { kind: 'target', target: 't7' };
      }),
    ).toMatch(/there is no target t7.*t1, t2/s);
    expect(
      refused(f => {
        f.route = { kind: 'all' };
        const [one] = f.sources as { name: string }[];
        f.sources = [one, { ...one, name: 'again' }];
      }),
    ).toMatch(/several sources/);
    expect(
      refused(f => {
        f.route = { kind: 'hash', columns: ['id'] };
        f.tables = [{ name: 'a', shardColumn: 'id' }];
      }),
    ).toMatch(/shardColumn is for routes by modulus/);
  });

  test('a ring on which two targets are one, or no target has a weight, is refused', () => {
    const ring = (more: object) => (f: Record<string, unknown>) => {
      f.route = { kind: 'ring', columns: 'id', ...more };
    };
    expect(refused(ring({ servers: { t1: 't2' } }))).toMatch(/two targets are t2 on the ring/);
    expect(refused(ring({ servers: { t9: 'db9' } }))).toMatch(/there is no target t9/);
    expect(refused(ring({ weights: { t1: 1, t9: 1 } }))).toMatch(/there is no target t9/);
    expect(refused(ring({ weights: { t1: 0 } }))).toMatch(/no target has a weight above 0/);
    expect(refused(ring({ weights: { t1: 0.5 } }))).toMatch(/weights/);
    const { route } = jobWith(ring({ servers: { t1: '10.0.0.1:3306' }, weights: { t2: 3 } }));
    if (route.kind !== 'ring') throw new Error(route.kind);
    // A target without a weight is not on it.
    expect(new Set(ringOf(route, ['t1', 't2']).targets)).toEqual(new Set([1]));
  });

  test('moves of slots are read as runs; what is no slot, or moved twice, is refused', () => {
    const moved = (moves: object) => (f: Record<string, unknown>) => {
      f.route = { kind: 'hash', columns: 'id', moves };
    };
    const { route } = jobWith(moved({ '0-127': 't2', 4095: 't1', '130': 't2' }));
    if (route.kind !== 'hash') throw new Error(route.kind);
    const slots = slotsOf(route, ['t1', 't2']);
    const at = [0, 127, 128, 129, 130, 131, 2048, 4094, 4095].map(i => slots[i]);
    expect(at).toEqual([1, 1, 0, 0, 1, 0, 1, 1, 0]);
    for (const no of ['4096', '7-6', '-1', '1-', '01', '1.5', '', '0-99999']) {
      expect(refused(moved({ [no]: 't1' })), no).toMatch(/slots are written|Invalid key/);
    }
    expect(refused(moved({ '0-127': 't1', '127-200': 't2' }))).toMatch(/in two of the moves/);
    expect(refused(moved({ '5': 't9' }))).toMatch(/there is no target t9/);
  });

  test.each<[string, RouteSpec, string]>([
    ['a ring by a column that is not there', { kind: 'ring', columns: ['no'] }, 'missing'],
    ['a jump hash of a column that may be NULL', { kind: 'jump', columns: ['note'] }, 'nullable'],
    ['a column that is not there', { kind: 'hash', columns: ['nope'] }, 'missing'],
    ['a type whose text is not one', { kind: 'hash', columns: ['size'] }, 'type'],
    ['a column that may be NULL', { kind: 'hash', columns: ['id', 'note'] }, 'nullable'],
    [
      'a bound that is no value of the type',
      { kind: 'range', column: 'id', ranges: [{ below: 'x', target: 'a' }, { target: 'b' }] },
      ' is not a integer',
    ],
    [
      'bounds that do not go up, as numbers',
      {
        kind: 'range',
        column: 'id',
        ranges: [
          { below: '9', target: 'a' },
          { below: '10', target: 'b' },
          { below: '10', target: 'a' },
          { target: 'b' },
        ],
      },
      'do not go up',
    ],
    [
      'a last range that ends',
      { kind: 'range', column: 'id', ranges: [{ below: '1', target: 'a' }] },
      'the last range',
    ],
    [
      'a value listed twice, in two spellings',
      { kind: 'list', column: 'id', values: { a: ['7'], b: ['07'] } },
      'twice',
    ],
    ['a day that is none', { kind: 'list', column: 'day', values: { a: ['2024-1-1'] } }, 'YYYY'],
  ])('%s is a problem before any row is looked at', (_, spec, what) => {
    expect(JSON.stringify(routeProblem(SCHEMA, spec))).toContain(what);
  });

  test('what sends rows elsewhere has another text', () => {
    const texts = [
      { kind: 'modulus', column: 'a' },
      { kind: 'hash', columns: ['a'] },
      { kind: 'hash', columns: ['a', 'b'] },
      { kind: 'hash', columns: ['a'], weights: { x: 1, y: 2 } },
      { kind: 'hash', columns: ['a'], weights: { x: 2, y: 1 } },
      { kind: 'hash', columns: ['a'], moves: { '0-127': 'x' } },
      { kind: 'hash', columns: ['a'], moves: { '0-127': 'y' } },
      { kind: 'jump', columns: ['a'] },
      { kind: 'ring', columns: ['a'] },
      { kind: 'ring', columns: ['a'], servers: { x: 'db1' } },
      { kind: 'ring', columns: ['a'], servers: { x: 'db1' }, weights: { x: 1, y: 2 } },
      { kind: 'range', column: 'a', ranges: [{ below: '1', target: 'x' }, { target: 'y' }] },
      { kind: 'range', column: 'a', ranges: [{ below: '1', target: 'y' }, { target: 'x' }] },
      { kind: 'list', column: 'a', values: { x: ['1'], y: ['2'] } },
      { kind: 'list', column: 'a', values: { x: ['1', '2'] } },
      { kind: 'list', column: 'a', values: { x: ['1', '2'] }, otherwise: 'y' },
      { kind: 'target', target: 'x' },
      { kind: 'all' },
    ].map(spec => routeText(spec as RouteSpec));
    expect(new Set(texts).size).toBe(texts.length);
    const one = routeText({ kind: 'hash', columns: ['a'], weights: { x: 1, y: 2 } });
    expect(routeText({ kind: 'hash', columns: ['a'], weights: { y: 2, x: 1 } })).toBe(one);
  });
});
