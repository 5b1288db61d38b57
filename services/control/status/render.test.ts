import { describe, expect, test } from 'vitest';
import { Rate } from './rate.ts';
import { duration, renderLine, renderView } from './render.ts';
import { ReportView } from './report-view.ts';
import type { Status } from './status.ts';

const STATUS: Status = {
  job: 'shop',
  phase: 'copying',
  sinceMs: Date.now() - 5000,
  startedMs: Date.now() - 9000,
  tables: [
    {
      table: 'orders',
      done: 50_000,
      total: 200_000,
      rowsPerSecond: 25_000,
      etaSeconds: 6,
      rangesDone: 1,
      rangesTotal: 4,
      rejectedChunks: 2,
      complete: false,
    },
  ],
  sources: [
    {
      source: 's1',
      lagSeconds: 1.25,
      caughtUp: false,
      file: 'binlog.000002',
      pos: 4711,
      gtid: '',
      epoch: 3,
      records: 60_000,
      recordsPerSecond: 1000,
    },
  ],
  targets: [
    {
      target: 't1',
      lagRecords: 12,
      rows: 20_000,
      rowsPerSecond: 11_000,
      parked: 1,
      reachable: true,
    },
  ],
  services: [
    {
      service: 'sink',
      unit: 't1/0',
      member: 'host:1',
      state: 'halted',
      error: 'target-data: too long\n  remedy: widen the column',
      ageSeconds: 1,
    },
  ],
  drained: false,
  halted: 1,
};

describe('status as text', () => {
  test('the view shows progress, ETA, lag, position and what has stopped, with its remedy', () => {
    const text = renderView(STATUS, { colour: false, width: 200 });
    for (const part of ['50,000 / 200,000', '25 %', '25,000', '6 s', '(2 reread)']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('binlog.000002:4711');
    expect(text).toContain('1.3 s');
    expect(text).toContain('sink/t1/0: halted');
    expect(text).toContain('remedy: widen the column');
    expect(text).not.toContain('\x1b[');
  });

  test('colour is used when asked for, and only then', () => {
    expect(renderView(STATUS, { colour: true, width: 200 })).toContain('\x1b[');
  });

  test('one line holds what matters', () => {
    const line = renderLine(STATUS);
    expect(line).not.toContain('\n');
    expect(line).toContain('copying');
    expect(line).toContain('ETA 6 s');
    expect(line).toContain('sink/t1/0 halted');
  });

  test('durations are readable', () => {
    expect([duration(900), duration(61_000), duration(7_260_000)]).toEqual([
      '1 s',
      '1 m 1 s',
      '2 h 1 m',
    ]);
  });
});

describe('rate', () => {
  test('is taken over the last seconds, so a stall shows', () => {
    const rate = new Rate();
    rate.note(0, 0);
    expect(rate.note(1000, 1000)).toBe(1000);
    for (let t = 2000; t <= 8000; t += 1000) rate.note(1000, t);
    expect(rate.note(1000, 9000)).toBe(0);
  });

  test('a counter that starts again gives no negative rate', () => {
    const rate = new Rate();
    rate.note(5000, 0);
    expect(rate.note(10, 1000)).toBe(0);
  });
});

describe('reports', () => {
  test('a service that says nothing any more is shown as silent', () => {
    const view = new ReportView();
    const report = {
      service: 'sink',
      unit: 't1',
      member: 'm',
      tsMs: 0,
      state: 'running',
      error: null,
      counters: { rows: 5 },
      detail: '{}',
    };
    view.apply('sink/t1', report);
    expect(view.services(5000)[0]?.state).toBe('running');
    expect(view.services(60_000)[0]?.state).toBe('silent');
    expect(view.sum('sink', 'rows')).toBe(5);
  });
});
