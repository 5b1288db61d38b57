/** What `reshard ddl list` shows: the statements at which logs stand first, then the records. */
import { expect, test } from 'vitest';
import type { Report } from '../../../shared/member/reporter.ts';
import { renderDdlList } from '../cli/ddl-list.ts';
import { openStatements } from './ddl-list.ts';

const report = (o: Partial<Report>, halt: object | null): Report => ({
  ...{ service: 'binlog', unit: 's1', member: 'm', incarnation: 'i', tsMs: 5, state: 'halted' },
  ...{ error: 'ALTER of t at the source\n  remedy: x', counters: {}, detail: '' },
  ...o,
  ...{ detail: JSON.stringify({ halt }) },
});
const changed = { kind: 'schema-changed', context: { table: 'd.t' } };

test('units of sources that stand at a statement, the one that stands longest first', () => {
  const open = openStatements([
    report({ unit: 's2', tsMs: 9 }, { kind: 'unsafe-event', context: {} }),
    report({}, changed),
    report({ unit: 's3', state: 'running' }, changed),
    report({ unit: 's4', service: 'sink' }, changed),
    report({ unit: 's5' }, { kind: 'position-lost', context: {} }),
    report({ unit: 's6' }, null),
  ]);
  expect(open.map(o => [o.source, o.table])).toEqual([
    ['s1', 't'],
    ['s2', null],
  ]);
});

test('is printed with the way out, times and decisions', () => {
  const [open] = openStatements([report({}, changed)]);
  if (open === undefined) throw new Error('none');
  const change = {
    ...{ jobId: 'j', source: 's1', db: 'd', table: 't', gtid: 'u:7', file: 'f', pos: 4 },
    ...{ tsMs: 0, statement: 'ALTER TABLE t ADD c INT', added: ['c'], valueSchemaId: 3, by: '' },
    decision: 'taken up' as const,
  };
  const versions = [
    { valueSchemaId: 2, columns: 4 },
    { valueSchemaId: 3, columns: 5 },
  ];
  const tables = [{ source: 's1', table: 't', topic: 's1.d.t', versions }];
  expect(renderDdlList({ open: [open], changes: [change], tables, without: ['s2'] })).toBe(
    [
      'open  s1: t: the log stands here, as told at 1970-01-01T00:00:00.005Z',
      '  ALTER of t at the source',
      '    remedy: x',
      '1970-01-01T00:00:00.000Z  s1: t  u:7',
      '  taken up, values of schema 3: ALTER TABLE t ADD c INT',
      's1: t has records of value schemas 2 (4 columns), 3 (5 columns)',
      's2: no records are kept; control of this version makes their topic',
    ].join('\n'),
  );
  const none = renderDdlList({ open: [], changes: [], tables: [], without: [] });
  expect(none).toBe('no statement on a table of the job yet');
});
