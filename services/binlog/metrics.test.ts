/** The gauges of a source show what lives: nothing stays as it was when nothing moves any more. */
import { expect, test } from 'vitest';
import { createRegistry } from '../../shared/runtime/metric.ts';
import { BinlogProgress, binlogMetrics, mostBehind } from './metrics.ts';

const counts = { c: 0, u: 0, d: 0, transactions: 0, bytes: 0 };

interface Over {
  caughtUp?: boolean;
  lastCommitMs?: number;
  waitingMs?: number;
  clockAheadMs?: number;
  isHeld?: boolean;
}

function parts(over: Over = {}) {
  const now = Date.now();
  return {
    capture: {
      counts,
      caughtUp: over.caughtUp ?? true,
      lastCommitMs: over.lastCommitMs ?? now,
      lastEventMs: now,
      file: 'binlog.000002',
      filePos: 47,
    },
    writer: { counts: { commits: 0, records: 0 }, waitingMs: over.waitingMs ?? 0, epoch: 1 },
    intake: { counts: { rows: 0, dropped: 0, accepted: 0, rejected: 0, passedOver: 0 } },
    clockAheadMs: over.clockAheadMs ?? 0,
    isHeld: over.isHeld ?? false,
  };
}

function twoSources() {
  const registry = createRegistry({ job: 'j' });
  const metrics = binlogMetrics(registry);
  const made = (source: string): BinlogProgress => new BinlogProgress(metrics, source);
  const sources = (text: string, gauge: string): string[] =>
    [...text.matchAll(new RegExp(`^${gauge}\\{[^}]*source="([^"]+)"`, 'gm'))].map(m => m[1] ?? '');
  const shown = async (gauge: string): Promise<string[]> =>
    sources(await registry.metrics(), `reshard_binlog_${gauge}`);
  return { made, shown };
}

test('a source that another member has now is shown no more, the others stay', async () => {
  const { made, shown } = twoSources();
  const [s1, s2] = [made('s1'), made('s2')];
  for (const s of [s1, s2]) s.follow(parts());
  expect(await shown('lag_seconds')).toEqual(['s1', 's2']);
  expect(await shown('position_bytes')).toEqual(['s1', 's2']);
  s1.follow(null);
  s1.close();
  expect(await shown('lag_seconds')).toEqual(['s2']);
  expect(await shown('position_bytes')).toEqual(['s2']);
});

test('the end of an old incarnation leaves the gauges of the new one', async () => {
  const { made, shown } = twoSources();
  const old = made('s1');
  old.follow(parts());
  made('s1').follow(parts());
  old.follow(null);
  old.close();
  expect(await shown('lag_seconds')).toEqual(['s1']);
});

test('the lag of a unit that has stopped grows', () => {
  const s1 = twoSources().made('s1');
  const now = Date.now();
  s1.follow(parts());
  expect(s1.lagSeconds(now)).toBe(0);
  s1.follow(null);
  expect(s1.lagSeconds(now + 218_000)).toBeGreaterThan(217);
});

test('what waits for the log is lag, though all of the binlog is read', () => {
  const s1 = twoSources().made('s1');
  s1.follow(parts({ waitingMs: 30_000 }));
  expect(s1.lagSeconds()).toBeGreaterThanOrEqual(30);
});

test('a source that is not heard is not caught up', () => {
  const s1 = twoSources().made('s1');
  const now = Date.now();
  s1.follow(parts());
  expect(s1.lagSeconds(now + 1000)).toBe(0);
  expect(s1.lagSeconds(now + 60_000)).toBeGreaterThan(50);
});

test('a dump that waits for us has not heard of what has come since', () => {
  const s1 = twoSources().made('s1');
  const now = Date.now();
  s1.follow(parts({ isHeld: true }));
  expect(s1.lagSeconds(now + 1000)).toBeGreaterThan(0.9);
});

test('one that reads old transactions is as far behind as they are old', () => {
  const s1 = twoSources().made('s1');
  const now = Date.now();
  s1.follow(parts({ caughtUp: false, lastCommitMs: now - 90_000 }));
  expect(s1.lagSeconds(now)).toBeCloseTo(90, 0);
  s1.follow(parts({ caughtUp: false, lastCommitMs: 0 }));
  expect(s1.lagSeconds(now + 1000)).toBeCloseTo(91, 0);
});

test('of which nothing is known there is no lag', () => {
  const s1 = twoSources().made('s1');
  expect(s1.lagSeconds()).toBeNull();
});

const HOUR = 3_600_000;

test('a source whose clock is ahead is as far behind as its own clock says', () => {
  const s1 = twoSources().made('s1');
  const now = Date.now();
  const lastCommitMs = now + HOUR - 90_000;
  s1.follow(parts({ caughtUp: false, lastCommitMs, clockAheadMs: HOUR }));
  expect(s1.lagSeconds(now)).toBeCloseTo(90, 0);
});

test('commits of the future, of a clock that was moved, are no proof of a complete log', () => {
  const s1 = twoSources().made('s1');
  const now = Date.now();
  s1.follow(parts({ caughtUp: false, lastCommitMs: now - 5000 }));
  expect(s1.lagSeconds(now)).toBeCloseTo(5, 0);
  s1.follow(parts({ caughtUp: false, lastCommitMs: now + HOUR }));
  expect(s1.lagSeconds(now + 60_000)).toBeCloseTo(65, 0);
});

test('a source of which nothing is known hides none that is late, and makes nobody look caught up', () => {
  expect(mostBehind([3, 8, 5], 300)).toBe(8);
  expect(mostBehind([null, 400, 2], 300)).toBe(400);
  expect(mostBehind([400, null], 300)).toBe(400);
  expect(mostBehind([null, 299], 300)).toBeNull();
  expect(mostBehind([null], 300)).toBeNull();
  expect(mostBehind([], 300)).toBeNull();
});
