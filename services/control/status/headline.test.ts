import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headlineOf, isDrained, isWell } from './headline.ts';
import { blockedReason, hindrance, problemsOf } from './problem.ts';
import { PROBLEM_WORDS, type ServiceStatus, type Status, type StatusFacts } from './status.ts';

const unit = (service: string, name: string): ServiceStatus => ({
  service,
  unit: name,
  member: 'host:1',
  state: 'running',
  error: null,
  ageSeconds: 1,
});

/** A job of which everything is as it should be. */
function well(): StatusFacts {
  const table = { rowsPerSecond: 0, etaSeconds: 0, rangesDone: 2, rangesTotal: 2 };
  const source = { file: 'b.1', pos: 4, gtid: '', epoch: 1, records: 9, recordsPerSecond: 0 };
  return {
    job: 'shop',
    phase: 'verified',
    sinceMs: 1,
    startedMs: 1,
    tables: ['orders', 'customers'].map(name => ({
      table: name,
      done: 9,
      total: 9,
      rejectedChunks: 0,
      complete: true,
      ...table,
    })),
    sources: ['s1', 's2'].map(name => ({
      source: name,
      lagSeconds: 0,
      caughtUp: true,
      unknown: null,
      ...source,
    })),
    targets: ['t1', 't2'].map(target => ({
      target,
      lagRecords: 0,
      rows: 9,
      rowsPerSecond: 0,
      parked: 0,
      blocked: 0,
      reachable: true,
      unknown: null,
    })),
    topics: [],
    services: [
      unit('binlog', 's1'),
      unit('binlog', 's2'),
      unit('checker', 'full-check'),
      unit('control', 'job'),
      unit('sink', 't1/0'),
      unit('sink', 't2/0'),
      unit('snapshot', 's1'),
      unit('snapshot', 'repair/s1'),
    ],
    members: [],
    pauses: [],
    waiting: null,
    registry: null,
    differing: null,
  };
}

interface Fault {
  /** What the headline has to name. */
  named: RegExp;
  spoil(s: StatusFacts, at: number): void;
}

/** One of the list; where it is empty already, something that is thrown away. */
const at = <T extends object>(list: readonly T[], i: number): Partial<T> =>
  list[i % Math.max(1, list.length)] ?? {};

const badUnit = (state: string, named = state): Fault => ({
  named: new RegExp(named),
  spoil: (s, i) => {
    const u = at(s.services, i);
    u.state = state;
    if (state === 'halted') u.error = 'unsafe-event: a statement\n  remedy: recopy';
  },
});

const FAULTS: Record<string, Fault> = {
  'a halted unit': badUnit('halted'),
  'a blocked unit': badUnit('blocked'),
  'a silent unit': badUnit('silent'),
  'a missing unit': badUnit('missing'),
  'a stopped unit': badUnit('stopped'),
  'a unit that backs off': badUnit('backing-off'),
  'a unit that starts': badUnit('starting'),
  'a unit of a state that nobody knows': badUnit('dreaming', 'unknown'),
  'a unit whose last report is old': {
    named: /silent/,
    spoil: (s, i) => Object.assign(at(s.services, i), { ageSeconds: 11 }),
  },
  'a running unit with an error': {
    named: /backing-off/,
    spoil: (s, i) => Object.assign(at(s.services, i), { error: 'target: away' }),
  },
  'a table that is not copied': {
    named: /copying/,
    spoil: (s, i) => Object.assign(at(s.tables, i), { complete: false, rangesDone: 0, done: 0 }),
  },
  'a table without a plan': {
    named: /missing|plan of table/,
    spoil: (s, i) => Object.assign(at(s.tables, i), { complete: false, rangesTotal: 0 }),
  },
  'no tables': {
    named: /unknown/,
    spoil: s => {
      s.tables = [];
    },
  },
  'a source that cannot be asked': {
    named: /unknown|source/,
    spoil: (s, i) =>
      Object.assign(at(s.sources, i), { unknown: 'away', lagSeconds: null, caughtUp: false }),
  },
  'a source of which nothing is in the log': {
    named: /starting/,
    spoil: (s, i) => Object.assign(at(s.sources, i), { lagSeconds: null, caughtUp: false }),
  },
  'a source that is far ahead of the log': {
    named: /behind/,
    spoil: (s, i) => Object.assign(at(s.sources, i), { lagSeconds: 218, caughtUp: false }),
  },
  'a target that cannot be asked': {
    named: /unknown/,
    spoil: (s, i) =>
      Object.assign(at(s.targets, i), { reachable: false, unknown: 'away', lagRecords: null }),
  },
  'a target whose lag is not known': {
    named: /unknown/,
    spoil: (s, i) => Object.assign(at(s.targets, i), { lagRecords: null }),
  },
  'blocked keys': {
    named: /blocked/,
    spoil: (s, i) => Object.assign(at(s.targets, i), { blocked: 2 }),
  },
  'a table topic that is gone': {
    named: /log-gone/,
    spoil: s => {
      s.topics = [
        { topic: 's1.shop.orders', source: 's1', table: 'orders', state: 'gone', error: 'deleted' },
      ];
    },
  },
  'a table topic that cannot be asked': {
    named: /unknown/,
    spoil: s => {
      s.topics = [
        { topic: 's1.shop.orders', source: 's1', table: 'orders', state: 'unknown', error: 'late' },
      ];
    },
  },
  'differences that a check has found': {
    named: /differing/,
    spoil: s => {
      s.differing = { verifyId: 'verify-1', differences: 3 };
    },
  },
  'a registry that is away': {
    named: /registry-away/,
    spoil: s => {
      s.registry = { error: 'registry: refused' };
    },
  },
  'a pause': {
    named: /paused/,
    spoil: s => {
      s.pauses = [{ reason: 'backup', by: 'ann', sinceMs: 1 }];
    },
  },
  'a job that is not prepared': {
    named: /waiting/,
    spoil: s => {
      s.phase = 'prepare';
      s.waiting = 'unreachable: source s1';
    },
  },
  'a phase that nobody knows': {
    named: /unknown/,
    spoil: s => {
      s.phase = 'unknown';
    },
  },
};

const NAMES = Object.keys(FAULTS);

function spoiled(faults: readonly { name: string; where: number }[]): StatusFacts {
  const s = well();
  for (const { name, where } of faults) FAULTS[name]?.spoil(s, where);
  return s;
}

const faults = fc.array(fc.record({ name: fc.constantFrom(...NAMES), where: fc.nat(20) }), {
  minLength: 1,
  maxLength: 4,
});

describe('the headline', () => {
  test('is green when everything is as it should be', () => {
    expect(headlineOf(well())).toEqual({
      word: 'verified',
      level: 'good',
      text: 'verified, drained',
    });
    expect(isDrained(well())).toBe(true);
    expect(headlineOf({ ...well(), phase: 'following' }).word).toBe('drained');
    const [first, ...others] = well().sources;
    if (first === undefined) throw new Error('a source');
    const flowing = {
      ...well(),
      sources: [{ ...first, caughtUp: false, lagSeconds: 1 }, ...others],
    };
    expect(headlineOf(flowing)).toMatchObject({ word: 'flowing', level: 'good' });
  });

  test.each(NAMES)('names %s and is not green', name => {
    for (let where = 0; where < 8; where++) {
      const headline = headlineOf(spoiled([{ name, where }]));
      expect(headline.level).not.toBe('good');
      expect(headline.text).toMatch(FAULTS[name]?.named ?? /never/);
    }
  });

  /** Hypothesis: nothing that is wrong can be hidden by something else that is wrong. */
  test('of any faults together is not green, and names the worst of them', () => {
    fc.assert(
      fc.property(faults, list => {
        const s = spoiled(list);
        const headline = headlineOf(s);
        expect(headline.level).not.toBe('good');
        expect(headline.text).not.toBe('');
        // A later fault may be of the same thing; the last one stands, unless nothing is planned yet.
        const last = list.at(-1);
        if (last === undefined || !['following', 'verified'].includes(s.phase)) return;
        const alone = ([...PROBLEM_WORDS] as string[]).indexOf(headlineOf(spoiled([last])).word);
        const found = ([...PROBLEM_WORDS] as string[]).indexOf(headline.word);
        if (alone >= 0) expect(found).toBeLessThanOrEqual(alone);
        if (alone >= 0) expect(found).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  const word = fc.oneof(
    fc.constantFrom('running', 'halted', 'silent', 'missing', 'stopped', 'starting', 'blocked'),
    fc.string(),
  );
  const number = fc.oneof(fc.constantFrom(0, 1, 11, -1, Number.NaN, Infinity), fc.double());
  const maybe = fc.option(number, { nil: null });
  const anyFacts: fc.Arbitrary<StatusFacts> = fc.record({
    job: fc.string(),
    phase: fc.constantFrom('prepare', 'copying', 'following', 'verified', 'unknown', 'x'),
    sinceMs: number,
    startedMs: number,
    tables: fc.array(
      fc.record({
        table: fc.string(),
        done: number,
        total: number,
        rowsPerSecond: number,
        etaSeconds: maybe,
        rangesDone: number,
        rangesTotal: number,
        rejectedChunks: number,
        complete: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
    sources: fc.array(
      fc.record({
        source: fc.string(),
        lagSeconds: maybe,
        caughtUp: fc.boolean(),
        unknown: fc.option(fc.string(), { nil: null }),
        file: fc.string(),
        pos: number,
        gtid: fc.string(),
        epoch: number,
        records: number,
        recordsPerSecond: number,
      }),
      { maxLength: 2 },
    ),
    targets: fc.array(
      fc.record({
        target: fc.string(),
        lagRecords: maybe,
        rows: number,
        rowsPerSecond: number,
        parked: number,
        blocked: number,
        reachable: fc.boolean(),
        unknown: fc.option(fc.string(), { nil: null }),
      }),
      { maxLength: 2 },
    ),
    topics: fc.constantFrom<StatusFacts['topics'][]>(
      [],
      [{ topic: 't', source: 's', table: 'x', state: 'gone', error: 'gone' }],
    ),
    services: fc.array(
      fc.record({
        service: fc.constantFrom('binlog', 'sink', 'control', 'checker', 'snapshot', 'x'),
        unit: fc.string(),
        member: fc.string(),
        state: word,
        error: fc.option(fc.string(), { nil: null }),
        ageSeconds: number,
      }),
      { maxLength: 4 },
    ),
    members: fc.constant([]),
    pauses: fc.constantFrom<StatusFacts['pauses'][]>([], [{ reason: 'r', by: '', sinceMs: 0 }]),
    waiting: fc.option(fc.string(), { nil: null }),
    registry: fc.constantFrom(null, { error: 'away' }),
    differing: fc.constantFrom(null, { verifyId: 'v', differences: 1 }),
  });

  /** Hypothesis: green rests on everything, whatever else there is in the facts. */
  test('of any facts exists, and is green only over facts that are all good', () => {
    fc.assert(
      fc.property(anyFacts, s => {
        const { level, word: shown } = headlineOf(s);
        if (level !== 'good') return;
        expect(problemsOf(s)).toEqual([]);
        expect(s.tables.length > 0 && s.tables.every(t => t.complete)).toBe(true);
        expect(s.services.every(u => u.state === 'running' && u.error === null)).toBe(true);
        expect(s.targets.every(t => t.reachable && t.unknown === null)).toBe(true);
        expect(s.targets.every(t => t.lagRecords !== null && !(t.blocked > 0))).toBe(true);
        expect(s.sources.every(x => x.unknown === null && x.lagSeconds !== null)).toBe(true);
        expect(s.topics).toEqual([]);
        expect(s.pauses).toEqual([]);
        expect(s.registry).toBeNull();
        if (shown !== 'flowing') expect(isDrained(s)).toBe(true);
        else expect(s.sources.every(x => (x.lagSeconds ?? Infinity) < 10)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('decides the exit code: what somebody asked for, or what passes at the start, is well', () => {
    const exits = NAMES.map(name => [name, isWell(headlineOf(spoiled([{ name, where: 0 }])))]);
    expect(exits.filter(([, ok]) => ok).map(([name]) => name)).toEqual([
      'a unit that starts',
      'a table that is not copied',
      'a source of which nothing is in the log',
      'a source that is far ahead of the log',
      'a pause',
      'a job that is not prepared',
    ]);
  });
});

describe('drained', () => {
  test.each([
    'a table that is not copied',
    'a source that cannot be asked',
    'a source that is far ahead of the log',
    'a target that cannot be asked',
    'a target whose lag is not known',
    'blocked keys',
    'a table topic that is gone',
    'a table topic that cannot be asked',
    'no tables',
  ])('is not said over %s', name => {
    expect(isDrained(spoiled([{ name, where: 1 }]))).toBe(false);
  });

  test('is not said while a unit that carries rows is not at work, or is not there', () => {
    for (const state of ['halted', 'blocked', 'silent', 'missing', 'stopped', 'backing-off']) {
      const s = well();
      Object.assign(at(s.services, 4), { state });
      expect(isDrained(s)).toBe(false);
    }
    const { services, ...rest } = well();
    expect(isDrained({ ...rest, services: services.filter(u => u.service !== 'sink') })).toBe(
      false,
    );
  });
});

describe('what keeps a command waiting', () => {
  const halted = (service: string, name: string): Status['services'] => {
    const error = 'unsafe-event: a statement\n  remedy: recopy';
    return [{ ...unit(service, name), state: 'halted', error }];
  };

  test('is the halt in its scope, with the remedy', () => {
    const s = { ...well(), services: halted('snapshot', 's1') };
    const reason = 'halted: snapshot/s1: unsafe-event: a statement\n  remedy: recopy';
    expect(blockedReason(s, {})).toBe(reason);
    expect(blockedReason(s, { source: 's1', services: ['snapshot', 'binlog'] })).toBe(reason);
    expect(blockedReason(s, { source: 's2' })).toBeNull();
    expect(blockedReason(s, { services: ['sink'] })).toBeNull();
  });

  test('of one source includes what is halted for all', () => {
    const s = { ...well(), services: halted('sink', 't1/0') };
    expect(blockedReason(s, { source: 's2' })).toMatch(/^halted: sink\/t1\/0/);
  });

  test('is no reason to end while it may pass; then it is shown', () => {
    const s = spoiled([{ name: 'a silent unit', where: 0 }]);
    expect(blockedReason(s, {})).toBeNull();
    expect(hindrance(s, {})).toMatch(/^silent: binlog\/s1/);
  });
});
