import { describe, expect, test } from 'vitest';
import { UNSPENT } from '../../../test/support/status-facts.ts';
import { judged } from '../status/feed.ts';
import { Rate } from '../status/rate.ts';
import type { StatusFacts, UnreadLog } from '../status/status.ts';
import { fitted } from './live-view.ts';
import { duration } from './number-text.ts';
import { proofLines } from './proof-text.ts';
import { renderLine, renderView } from './status-text.ts';

const FACTS: StatusFacts = {
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
      waitsForLog: [],
      complete: false,
    },
  ],
  sources: [
    {
      source: 's1',
      lagSeconds: 1.25,
      caughtUp: false,
      unknown: null,
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
      unknown: null,
    },
  ],
  topics: [],
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
  proofs: [],
  stream: null,
  checks: [],
  nextCheckMs: null,
  repairs: [],
  pauses: [{ reason: 'backup', by: 'ann@night', sinceMs: Date.parse('2026-01-02T03:04:05Z') }],
  throttle: { limits: [], brakes: [], spentSeconds: UNSPENT },
  waiting: null,
  registry: null,
  differing: [],
  cutover: null,
  handover: null,
  wayBack: null,
  rehearsals: [],
};
const STATUS = judged(FACTS);

describe('status as text', () => {
  test('the view shows progress, ETA, lag, position and what has stopped, with its remedy', () => {
    const text = renderView(STATUS, { colour: false, width: 200 });
    for (const part of ['50,000 / ~200,000', '25 %', '25,000', '6 s', '(2 reread)']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('binlog.000002:4711');
    expect(text).toContain('1.3 s');
    // More than the five seconds where the machine is slow.
    expect(text).toMatch(/^shop {2}halted {2}phase copying for (?:[5-9]|\d\d) s\n/);
    expect(text).toContain('\nhalted: sink/t1/0: target-data: too long\n');
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
    expect(line).toMatch(/^copying \| halted: sink\/t1\/0: target-data: too long; remedy: widen/);
  });

  test('what is proven and equal is so as of a moment: nothing newer of a target that is not read', () => {
    const equal = { table: 'orders', state: 'equal', equalMs: 1, gtids: {} } as const;
    const stream = { tables: [equal], doubts: [], foreign: [], foreignCount: 0 };
    const proof = { table: 'orders', isProven: true, why: '', check: 'verify-1', rows: 9 };
    const of = (unread: UnreadLog[], isStreamed = true): string[] => {
      const wayBack = {
        carries: 'over',
        isTurning: false,
        lagSeconds: 0,
        lagRecords: null,
      } as const;
      const facts: StatusFacts = {
        ...FACTS,
        proofs: [{ ...proof, startedMs: 1, provenMs: 9, sourceGtids: {} }],
        stream: isStreamed ? stream : null,
        wayBack: { ...wayBack, headline: null, unread },
      };
      return proofLines(judged(facts)).map(line => line.replace(/, [^,]* ago/, ''));
    };
    const stands = { server: 't2', why: 'halted: binlog/t2: unsafe-event: TRUNCATE of items' };
    const since = '; not known of target t2 since';
    const lines = [
      'proof  orders: 9 rows proven equal by verify-1, begun at 1970-01-01T00:00:00.001Z',
      'stream orders: equal as of 1970-01-01T00:00:00.001Z',
    ];
    expect(of([])).toEqual(['', ...lines]);
    expect(of([stands])).toEqual(['', ...lines.map(line => line + since)]);
    expect(of([stands], false)).toEqual(['', lines[0]]);
  });

  test('a check whose checkers die again and again says how often it was taken up', () => {
    const kept = [{ table: 'orders', rows: 5, upTo: { id: '5' } }];
    const shown = (times: number): string[] => {
      const resumed = { times, atMs: 1, kept, anew: [] };
      const asked = { check: 'verify-1', tables: ['orders'], requestedMs: 1 };
      const check = { ...asked, state: 'checking', rows: 5, waiting: [], resumed };
      return proofLines({ ...STATUS, checks: [check] });
    };
    const before = 'compared before: orders up to id=5 (5 rows)';
    expect(shown(1)).toContain(`check  verify-1 of orders: checking, 5 rows; ${before}`);
    const often = 'taken up 12 times; ';
    expect(shown(12)).toContain(`check  verify-1 of orders: checking, 5 rows; ${often}${before}`);
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
    const nothing = { tables: [], sources: [], targets: [], services: [], pauses: [] };
    const status = judged({ ...FACTS, ...nothing, phase: 'prepare', waiting });
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
    const line = renderLine(judged({ ...FACTS, tables: [{ ...table, etaSeconds: null }] }));
    expect(line).toContain('ETA ?');
  });

  test('a table whose copy waits for the log says so, whatever its rate was', () => {
    const [table] = FACTS.tables;
    if (table === undefined) throw new Error('no table');
    const view = (waiting: string[]): string => {
      const tables = [{ ...table, waitsForLog: waiting }];
      return renderView(judged({ ...FACTS, tables }), { colour: false, width: 200 });
    };
    expect(view(['s1'])).toContain('waits for the log');
    expect(view([])).not.toContain('waits for the log');
  });

  test('a table is done to 100 % only when it is complete and nothing is wrong', () => {
    const [table] = FACTS.tables;
    if (table === undefined) throw new Error('no table');
    const full = { ...table, done: 200_000, rejectedChunks: 0 };
    const view = (facts: StatusFacts): string =>
      renderView(judged(facts), { colour: false, width: 200 });
    expect(view({ ...FACTS, tables: [full] })).toContain(' 99 %');
    const complete = { ...full, complete: true, rangesDone: 4 };
    expect(view({ ...FACTS, tables: [complete] })).not.toContain('100 %');
    const well = { services: [], pauses: [], targets: [] };
    expect(view({ ...FACTS, ...well, tables: [complete] })).toContain('100 %');
  });

  test('what is not known is not a number', () => {
    const [source] = FACTS.sources;
    const [target] = FACTS.targets;
    if (source === undefined || target === undefined) throw new Error('one of each');
    const away = 'unreachable: no answer';
    const s = judged({
      ...FACTS,
      services: [],
      sources: [{ ...source, lagSeconds: null, unknown: away }],
      targets: [
        { ...target, lagRecords: null, reachable: false, unknown: `${away} either`, blocked: 0 },
      ],
    });
    const text = renderView(s, { colour: false, width: 80 });
    expect(text).toMatch(/unknown: source s1: unreachable: no answer/);
    expect(text).toMatch(/unknown: target t1: unreachable: no answer either/);
    expect(text).toMatch(/s1 +unknown/);
    expect(text).toMatch(/t1 +unknown .* unknown +unknown/);
    expect(renderLine(s)).toMatch(/s1 lag unknown.*behind unknown/);
  });

  test('units that differ in nothing but their name are one line', () => {
    const missing = Array.from({ length: 64 }, (_, i) => ({
      service: 'sink',
      unit: `t1/${i}`,
      member: '',
      state: 'missing',
      error: null,
      ageSeconds: 5,
    }));
    const text = renderView(judged({ ...FACTS, services: missing }), { colour: false, width: 80 });
    expect(text).toContain('missing: sink/t1/0 and 63 more\n');
  });

  test('fits 80 columns, whatever is shown', () => {
    const long = {
      ...FACTS.tables[0],
      table: 'a_table_with_a_long_name',
      done: 1_234_567_890,
      total: 12_345_678_901,
    };
    const error = `target-data: ${'the column is too narrow for what comes '.repeat(6)}`;
    const services = FACTS.services.map(u => ({ ...u, error }));
    const s = judged({ ...FACTS, services, tables: [long as (typeof FACTS.tables)[number]] });
    for (const line of renderView(s, { colour: false, width: 80 }).split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(80);
    }
    expect(renderView(s, { colour: false, width: 80 })).toContain('ETA');
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
