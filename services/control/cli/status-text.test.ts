import { describe, expect, test } from 'vitest';
import { Rate } from '../status/rate.ts';
import { ReportView } from '../status/report-view.ts';
import type { Status } from '../status/status.ts';
import { fitted } from './live-view.ts';
import { duration, renderLine, renderView } from './status-text.ts';

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
      blocked: 2,
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
  members: [
    { service: 'sink', member: 'host:1', state: 'running', ageSeconds: 0 },
    { service: 'sink', member: 'host:2', state: 'running', ageSeconds: 0 },
    { service: 'snapshot', member: 'host:3', state: 'silent', ageSeconds: 60 },
  ],
  pauses: [{ reason: 'backup', by: 'ann@night', sinceMs: Date.parse('2026-01-02T03:04:05Z') }],
  waiting: null,
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

  test('blocked keys are shown, and red', () => {
    const text = renderView(STATUS, { colour: true, width: 200 });
    expect(text).toContain('\x1b[31m2\x1b[39m');
    expect(renderLine(STATUS)).toContain('blocked keys 2');
  });

  test('one line holds what matters', () => {
    const line = renderLine(STATUS);
    expect(line).not.toContain('\n');
    expect(line).toContain('copying');
    expect(line).toContain('ETA 6 s');
    expect(line).toContain('sink/t1/0 halted');
  });

  test('a pause is shown with its reason, who asked for it and since when', () => {
    const text = renderView(STATUS, { colour: false, width: 200 });
    expect(text).toMatch(/copy paused: backup \(by ann@night, since 2026-01-02T03:04:05\.000Z/);
    expect(renderLine(STATUS)).toContain('copy paused: backup (by ann@night)');
  });

  test('members are counted; one that is gone and has no successor counts as none', () => {
    const text = renderView(STATUS, { colour: false, width: 200 });
    expect(text).toContain('members  sink 2, snapshot 0');
  });

  test('a job that waits for a server says so, and shows no empty tables', () => {
    const waiting = 'unreachable: source s1 (db:3306)\n  remedy: start it';
    const status = { ...STATUS, phase: 'prepare', tables: [], services: [], pauses: [], waiting };
    const text = renderView(status, { colour: false, width: 200 });
    expect(text).toContain('waiting: unreachable: source s1');
    expect(text).toContain('remedy: start it');
    expect(text).not.toContain('rows done');
    expect(renderLine(status)).toBe(
      'prepare | waiting: unreachable: source s1 (db:3306); remedy: start it',
    );
  });

  test('what a table will take is unknown while its rate is', () => {
    const [table] = STATUS.tables;
    if (table === undefined) throw new Error('no table');
    const line = renderLine({ ...STATUS, tables: [{ ...table, etaSeconds: null }] });
    expect(line).toContain('ETA ?');
  });

  test('durations are readable', () => {
    expect([duration(900), duration(61_000), duration(7_260_000)]).toEqual([
      '1 s',
      '1 m 1 s',
      '2 h 1 m',
    ]);
  });
});

describe('a view that is redrawn', () => {
  test('counts the rows that long lines take, colours apart', () => {
    expect(fitted(`a\n${'b'.repeat(25)}\n\x1b[31m${'c'.repeat(10)}\x1b[0m`, 10, 20)).toMatchObject({
      height: 5,
    });
  });

  test('is cut at the height of the screen', () => {
    expect(fitted('a\nb\nc\nd', 10, 3)).toEqual({ shown: 'a\nb\nc', height: 3 });
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

  function shared(...members: [name: string, tsMs: number, state: string][]): ReportView {
    const view = new ReportView();
    for (const [member, tsMs, state] of members) {
      const word = { ...report, service: 'snapshot', unit: 's1', member, tsMs, state };
      view.apply(`snapshot/s1@${member}`, word);
    }
    return view;
  }

  const seen = (view: ReportView, now: number): string[] =>
    view.services(now).map(s => `${s.member} ${s.state}`);

  test('two members at one unit are both shown', () => {
    const view = shared(['b', 0, 'running'], ['a', 0, 'halted']);
    expect(seen(view, 5000)).toEqual(['a halted', 'b running']);
  });

  test('a member that is silent or stopped falls out while another one is there', () => {
    expect(seen(shared(['a', 0, 'running'], ['b', 20_000, 'running']), 21_000)).toEqual([
      'b running',
    ]);
    expect(seen(shared(['a', 20_900, 'stopped'], ['b', 20_000, 'running']), 21_000)).toEqual([
      'b running',
    ]);
  });

  test('when all are gone, the last one stays to be seen', () => {
    const gone = shared(['a', 5000, 'running'], ['b', 9000, 'running'], ['c', 2000, 'stopped']);
    expect(seen(gone, 60_000)).toEqual(['b silent']);
    expect(seen(shared(['a', 5000, 'stopped'], ['b', 2000, 'running']), 60_000)).toEqual([
      'a stopped',
    ]);
  });

  test('processes are told apart from units, those that stand by included', () => {
    const view = new ReportView();
    for (const member of ['a', 'b']) {
      view.apply(`sink/member@${member}`, { ...report, unit: 'member', member });
    }
    view.apply('sink/t1', report);
    expect(view.members(0).map(m => m.member)).toEqual(['a', 'b']);
    expect(view.services(0).map(s => s.unit)).toEqual(['t1']);
  });

  test('a service that says nothing any more is shown as silent', () => {
    const view = new ReportView();
    view.apply('sink/t1', report);
    expect(view.services(5000)[0]?.state).toBe('running');
    expect(view.services(60_000)[0]?.state).toBe('silent');
    expect(view.sum('sink', 'rows')).toBe(5);
  });
});
