/** When rows count as being on their way, by what members report. */
import { expect, test } from 'vitest';
import { HeardReports, isBehind } from './pipeline-load.ts';
import type { Report } from './reporter.ts';

const NOW = 1_000_000;
const MB = 1024 * 1024;
const LIMITS = { bufferBytes: 32 * MB, maxLagSeconds: 5, maxLagRecords: 2000 };

function report(service: string, counters: Record<string, number>, agoMs = 500, member = 'm1') {
  return { service, member, counters, heardMs: NOW - agoMs };
}

test('a log that is behind its source, or records that a sink has not applied', () => {
  const idle = [report('binlog', { lagSeconds: 0.1 }), report('sink', { queuedBytes: 1000 })];
  expect(isBehind(idle, LIMITS, NOW)).toBe(false);
  expect(isBehind([...idle, report('binlog', { lagSeconds: 5.1 })], LIMITS, NOW)).toBe(true);
  const full = { queuedBytes: MB, queuedRecords: 1000 };
  const queues = Array.from({ length: 8 }, () => report('sink', full));
  expect(isBehind(queues, LIMITS, NOW)).toBe(true);
  expect(isBehind(queues.slice(0, 4), LIMITS, NOW)).toBe(false);
  expect(isBehind([report('snapshot', { queuedBytes: 99 * MB, lagSeconds: 9 })], LIMITS, NOW)).toBe(
    false,
  );
});

test('a log that a cutover could begin with holds nobody back', () => {
  const at = (lagSeconds: number, maxLagSeconds: number): boolean =>
    isBehind([report('binlog', { lagSeconds })], { ...LIMITS, maxLagSeconds }, NOW);
  expect([4.9, 5.1].map(lag => at(lag, 5))).toEqual([false, true]);
  expect([59, 61].map(lag => at(lag, 60))).toEqual([false, true]);
  // A moment is no load, whatever a cutover asks for.
  expect([1.9, 2.1].map(lag => at(lag, 0))).toEqual([false, true]);
});

test('a queue that a cutover could begin with holds nobody back, however long its rows are', () => {
  const of = (queuedRecords: number): boolean =>
    isBehind([report('sink', { queuedBytes: 9 * MB, queuedRecords })], LIMITS, NOW);
  expect([2000, 2001].map(of)).toEqual([false, true]);
});

test('a member that is silent holds nobody back', () => {
  const old = [
    report('binlog', { lagSeconds: 99 }, 6000),
    report('sink', { queuedBytes: 99 * MB }, 6000),
  ];
  expect(isBehind(old, LIMITS, NOW)).toBe(false);
  expect(isBehind([report('binlog', {}), report('control', {})], LIMITS, NOW)).toBe(false);
});

test('each member of the sink reads ahead by itself: many that hold a little are no load', () => {
  const of = (bytes: number): boolean => {
    const members = Array.from({ length: 16 }, (_, i) => `m${i}`);
    return isBehind(
      members.map(m => report('sink', { queuedBytes: bytes, queuedRecords: 1000 }, 500, m)),
      LIMITS,
      NOW,
    );
  };
  expect([MB, 5 * MB].map(of)).toEqual([false, true]);
});

test('a member is heard whatever its clock says, until it is silent', () => {
  const said = (tsMs: number): Report => ({
    ...{ service: 'binlog', unit: 's1', member: 'm1', incarnation: 'i', state: 'running' },
    ...{ error: null, detail: '{}', counters: { lagSeconds: 99 }, tsMs },
  });
  for (const off of [-3_600_000, 0, 3_600_000]) {
    const heard = new HeardReports();
    heard.note('binlog/s1', said(NOW + off), NOW);
    expect(heard.isBehind(LIMITS, NOW), 'it may have died long ago').toBe(false);
    heard.live();
    heard.note('binlog/s1', said(NOW + off), NOW);
    expect([0, 5000, 5001].map(ms => heard.isBehind(LIMITS, NOW + ms))).toEqual([
      ...[true, true, false],
    ]);
    heard.note('binlog/s1', said(NOW + off), NOW + 9000);
    expect(heard.isBehind(LIMITS, NOW + 9000)).toBe(true);
    heard.note('binlog/s1', null, NOW + 9001);
    expect(heard.isBehind(LIMITS, NOW + 9001)).toBe(false);
  }
});
