/** The soak's options decide what is tested: a wrong one must not quietly test less. */
import { expect, test } from 'vitest';
import { UsageError } from '../support/usage.ts';
import { FAULTS } from './fault.ts';
import { roundsOf, soakOptions } from './options.ts';
import { Recovery } from './recovery.ts';
import { kindOf } from './work.ts';

function options(...argv: string[]) {
  const o = soakOptions(argv);
  if (o === undefined) throw new Error('help was not asked for');
  return o;
}

test('by default: both modes, every fault, a thousand connections, half an hour', () => {
  const o = options();
  expect([o.modes, o.connections, o.minutes]).toEqual([['binlog', 'snapshot'], 1000, 30]);
  expect(o.faults).toHaveLength(FAULTS.length);
  expect(new Set(FAULTS.map(f => f.name)).size).toBe(FAULTS.length);
});

test('the short form shrinks what is not given', () => {
  const o = options('--short', '--connections', '7');
  expect([o.connections, o.minutes]).toEqual([7, 0.5]);
  expect(o.faults).toHaveLength(FAULTS.length);
});

test('a part of a name chooses all faults that begin with it', () => {
  const names = options('--faults', 'binlog, source-cut').faults.map(f => f.name);
  expect(names).toEqual(['source-cut', 'binlog-kill', 'binlog-term', 'binlog-stop']);
});

test('copies are met by faults again and again', () => {
  const o = options('--minutes', '30');
  expect([roundsOf(o, 'binlog'), roundsOf(o, 'snapshot')]).toEqual([1, 6]);
  expect(roundsOf(options('--rounds', '2'), 'binlog')).toBe(2);
});

test.each([
  ['--faults', 'nothing'],
  ['--mode', 'all'],
  ['--minutes', 'x'],
  ['--network', 'none'],
  ['--wrong', '1'],
])('%s %s is refused', (...argv) => {
  expect(() => options(...argv)).toThrow(UsageError);
});

test.each([
  ['INSERT IGNORE INTO t (a) VALUES ?', 'INSERT IGNORE'],
  ['INSERT INTO t (a) VALUES ? ON DUPLICATE KEY UPDATE a=1', 'INSERT ON DUPLICATE KEY UPDATE'],
  ['INSERT INTO t (a) VALUES ? ', 'INSERT'],
  ['REPLACE INTO t (a) VALUES ? ', 'REPLACE'],
  ['DELETE FROM t WHERE a=?', 'DELETE'],
])('%s is counted as %s', (sql, kind) => {
  expect(kindOf(sql)).toBe(kind);
});

test('the table of recovery times tells least, middle and most of each group', () => {
  const recovery = new Recovery();
  for (const ms of [9000, 1000, 2000]) recovery.add('broker', ms);
  const [, line] = recovery.table().split('\n');
  expect(line?.trim().split(/\s{2,}/)).toEqual(['broker', '3', '1.0 s', '2.0 s', '9.0 s']);
});
