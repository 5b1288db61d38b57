/** Enforces I13. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { at, FAULTS, NAMES, spoiled, unit, well } from '../../../test/support/status-facts.ts';
import { headlineOf, isDrained, standingOf } from './headline.ts';
import { hindrance, problemsOf } from './problem.ts';
import { PROBLEM_WORDS, type Status, type StatusFacts } from './status.ts';

const faults = fc.array(fc.record({ name: fc.constantFrom(...NAMES), where: fc.nat(20) }), {
  minLength: 1,
  maxLength: 4,
});

const HANDING = { id: 'cutover-1', stage: 'cutting' as const, stageMs: 1, gtid: '', why: null };

describe('the headline', () => {
  test('of a way back that is far behind wakes somebody, whatever it flows by', () => {
    const carried = {
      unread: [],
      isTurning: false,
      headline: { level: 'normal', text: 'behind' },
    } as const;
    const of = (carries: 'back' | 'over', lagSeconds: number, lagRecords: number) => {
      const wayBack = { ...carried, carries, lagSeconds, lagRecords, unread: [] };
      return headlineOf({ ...well(), phase: 'switched', wayBack });
    };
    expect(of('back', 20, 99).level).toBe('good');
    for (const late of [of('back', 7200, 0), of('back', 0, 500_000)]) {
      expect(late).toMatchObject({ word: 'way-back-waits', level: 'warning' });
      expect(late.text).toMatch(/a rollback is refused until it has caught up/);
      expect(standingOf(late)).toBe('wrong');
    }
    // The log of the targets catches up before the application goes there: the gates wait for that.
    expect(of('over', 7200, 0).level).toBe('good');
  });

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

  test('of a move that was given up does not say that the application has gone over', () => {
    const ran = { id: 'cutover-1', sinceMs: 1, stopMs: 1, why: null, hasWayBack: true, lost: [] };
    const cutover = { ...ran, stage: 'finished', way: 'back' } as const;
    // The record of the cutover is there before the phase.
    for (const phase of ['finished', 'verified', 'following'] as const) {
      const { text } = headlineOf({ ...well(), phase, cutover });
      expect(text).toBe('finished: the application stays on the sources, nothing is carried');
    }
    const over = { ...cutover, way: 'over' } as const;
    expect(headlineOf({ ...well(), phase: 'switched', cutover: over }).text).toBe(
      'the application has gone over, and it is finished',
    );
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
        // A later fault may be of the same thing; the last one stands, once there is a plan.
        const last = list.at(-1);
        // Without tables there is nothing left that a later one could be of.
        if (list.slice(0, -1).some(f => f.name === 'no tables')) return;
        if (last === undefined || !['following', 'verified', 'switched'].includes(s.phase)) return;
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
        waitsForLog: fc.constant([]),
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
    proofs: fc.constant([]),
    stream: fc.constant(null),
    checks: fc.constant([]),
    nextCheckMs: fc.constant(null),
    repairs: fc.constant([]),
    pauses: fc.constantFrom<StatusFacts['pauses'][]>([], [{ reason: 'r', by: '', sinceMs: 0 }]),
    throttle: fc.constantFrom(
      well().throttle,
      spoiled([{ name: 'a copy that a backlog stops', where: 0 }]).throttle,
    ),
    waiting: fc.option(fc.string(), { nil: null }),
    registry: fc.constantFrom(null, { error: 'away' }),
    differing: fc.constantFrom(
      [],
      [{ table: 't', verifyId: 'v', differences: 1, truncated: false }],
    ),
    cutover: fc.constantFrom(
      null,
      spoiled([{ name: 'a frozen source that takes writes', where: 0 }]).cutover,
    ),
    handover: fc.constantFrom(null, HANDING),
    wayBack: fc.constant(null),
    rehearsals: fc.constant([]),
  });

  test('of a job whose target is a replica nothing that it kept there is missed', () => {
    fc.assert(
      fc.property(anyFacts, s => {
        const of = (stage: 'handing' | 'finished') =>
          headlineOf({ ...s, phase: 'finished', handover: { ...HANDING, stage } });
        expect(of('handing')).toMatchObject({ word: 'handing', level: 'warning' });
        expect(of('finished').level).not.toBe('failure');
      }),
    );
  });

  /** Hypothesis: what comes first by its word is as bad as anything that comes after it. */
  test('of any facts is red where a control that is silent has left the sources frozen', () => {
    fc.assert(
      fc.property(anyFacts, s => {
        s.cutover = spoiled([
          { name: 'sources that are frozen, and no journal', where: 0 },
        ]).cutover;
        expect(headlineOf(s).level).toBe('failure');
      }),
    );
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
        expect(s.throttle.brakes).toEqual([]);
        expect(s.registry).toBeNull();
        if (shown !== 'flowing') expect(isDrained(s)).toBe(true);
        else expect(s.sources.every(x => (x.lagSeconds ?? Infinity) < 10)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('decides the exit code: at work, paused or throttled is well, what only waits or starts is not', () => {
    const found = NAMES.map(name => ({
      name,
      headline: headlineOf(spoiled([{ name, where: 0 }])),
    }));
    const which = (standing: string): string[] =>
      found.filter(f => standingOf(f.headline) === standing).map(f => f.name);
    expect(which('well')).toEqual([
      'a table that is not copied',
      'a source that is far ahead of the log',
      'a pause',
      'a copy that a backlog stops',
    ]);
    expect(which('waiting')).toEqual([
      'a unit that starts',
      'a source of which nothing is in the log',
      'a job that is not prepared',
    ]);
    expect(which('wrong')).toHaveLength(NAMES.length - 7);
    expect(standingOf(headlineOf(well()))).toBe('well');
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

  test('is the halt in its scope, in one line', () => {
    const s = { ...well(), services: halted('snapshot', 's1') };
    const reason = 'halted: snapshot/s1: unsafe-event: a statement';
    expect(hindrance(s, {})).toBe(reason);
    expect(hindrance(s, { source: 's1', services: ['snapshot', 'binlog'] })).toBe(reason);
    expect(hindrance(s, { source: 's2' })).toBeNull();
    expect(hindrance(s, { services: ['sink'] })).toBeNull();
  });

  test('of one source includes what is halted for all', () => {
    const s = { ...well(), services: halted('sink', 't1/0') };
    expect(hindrance(s, { source: 's2' })).toMatch(/^halted: sink\/t1\/0/);
  });

  test('is also what may pass', () => {
    const s = spoiled([{ name: 'a silent unit', where: 0 }]);
    expect(hindrance(s, {})).toMatch(/^silent: binlog\/s1/);
  });

  test('is not what it waits to be cured', () => {
    const differing = [{ table: 'orders', verifyId: 'verify-1', differences: 3, truncated: false }];
    expect(hindrance({ ...well(), differing }, {})).toBeNull();
  });
});
