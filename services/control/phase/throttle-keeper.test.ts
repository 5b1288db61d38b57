/** Control's record of the throttle: requests in their order, what brakes, for how long. */
import { beforeEach, describe, expect, test } from 'vitest';
import { JobView, type Phase, stateKey } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import { limitOf, UNTHROTTLED } from '../../../shared/job/state/throttle.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { throttleStatus } from '../status/throttle-status.ts';
import { brakeBy, Gauge, type Reading } from './gauge.ts';
import { braked, ThrottleKeeper } from './throttle-keeper.ts';

let view: JobView;
let written: string[];
let now: number;
let readings: Reading[];
let keeper: ThrottleKeeper;
let isChecking: boolean;

function keeperOf(): ThrottleKeeper {
  return new ThrottleKeeper({
    view,
    log: createLogger({ name: 'test', level: 'silent' }),
    writer: {
      put: async (key, record) => {
        written.push(`+${key}`);
        view.apply(key, { ...NO_RECORD, ...record });
      },
      remove: async key => {
        written.push(`-${key}`);
        view.apply(key, null);
      },
    },
    gauges: [new Gauge('lag', async () => readings)],
    perSource: 0,
    isChecking: () => isChecking,
    now: () => now,
  });
}

function phase(is: Phase, sinceMs = 0): void {
  view.apply('job', { ...NO_RECORD, job: { phase: is, sinceMs, startedMs: 0, paused: [] } });
}

function pause(reason: string, sinceMs: number): void {
  view.apply(stateKey.pause(reason), { ...NO_RECORD, pause: { reason, sinceMs, by: 'ann' } });
}

function retune(id: string, set: Record<string, number>, clear: string[] = []): void {
  const request = { id, requestedMs: 1, by: 'ann', set, clear };
  view.apply(stateKey.retune(id), { ...NO_RECORD, retune: request });
}

beforeEach(() => {
  view = new JobView();
  written = [];
  now = 1000;
  readings = [];
  isChecking = false;
  keeper = keeperOf();
  phase('copying');
});

test('requests are carried out in their order, removed, and written once', async () => {
  retune('b', { rows: 5 });
  retune('a', { rows: 7, 'max-lag': 9 });
  await keeper.step();
  await keeper.step();
  expect(written).toEqual(['+throttle', '-retune/b', '+throttle', '-retune/a']);
  expect(limitOf(view.throttle, 'rows')).toBe(7);
  expect(limitOf(view.throttle, 'max-lag')).toBe(9);
});

describe('a pause', () => {
  test('brakes from when it was asked for until it is lifted, over a change of control too', async () => {
    pause('backup', 400);
    await keeper.step();
    now = 5000;
    expect(throttleStatus(view, now)).toMatchObject({
      brakes: [{ reason: 'operator', copy: 'stopped', sinceMs: 400 }],
      spentSeconds: { operator: 5, rate: 0, lag: 0 },
    });
    keeper = keeperOf();
    await keeper.step();
    view.apply(stateKey.pause('backup'), null);
    now = 10_400;
    await keeper.step();
    now = 99_000;
    await keeper.step();
    expect(written).toEqual(['+throttle', '+throttle']);
    expect(throttleStatus(view, now)).toMatchObject({ brakes: [], spentSeconds: { operator: 10 } });
  });

  test('costs nothing while there is nothing to copy, and begins with the copy', async () => {
    phase('following');
    pause('backup', 400);
    await keeper.step();
    expect(throttleStatus(view, now).brakes).toEqual([]);
    phase('copying', 3000);
    now = 4000;
    await keeper.step();
    expect(throttleStatus(view, now).brakes).toMatchObject([{ reason: 'operator', sinceMs: 3000 }]);
  });
});

describe('what is measured', () => {
  const of = (value: number | null, why: string | null = null): Reading[] => [
    { server: 't1', value: 0, why: null },
    { server: 't2', value, why },
  ];

  test('brakes above its limit, and until it is well below it', () => {
    expect(brakeBy('lag', of(100), 100, false)).toBeNull();
    expect(brakeBy('lag', of(101), 100, false)).toBe('t2 was 101 records behind');
    expect(brakeBy('load', of(76), 100, true)).toBe('t2 had 76 threads running');
    expect(brakeBy('replica', of(76), 100, true)).toBe('t2 was 76 s behind');
    expect(brakeBy('lag', of(75), 100, true)).toBeNull();
  });

  test('lets the copy go on below the smallest limit, too', () => {
    expect(brakeBy('load', of(2), 1, true)).toBe('t2 had 2 threads running');
    expect(brakeBy('load', of(1), 1, true)).toBeNull();
  });

  test('and is not known counts as too much', () => {
    const why = 'unreachable: away\n  remedy: start it';
    expect(brakeBy('lag', of(null, why), 100, false)).toBe(
      'how far t2 is behind is not known: unreachable: away',
    );
    expect(brakeBy('load', of(null, why), 100, false)).toBe(
      'how many threads run on t2 is not known: unreachable: away',
    );
  });

  test('of no server brakes nothing, whatever braked before', async () => {
    const gauge = new Gauge('replica', async () => []);
    gauge.follow(true);
    expect(gauge.brake(5, true)).toEqual({ why: '' });
    await until(() => gauge.brake(5, true) === null, { timeoutMs: 5000, what: 'an answer' });
  });

  test('for a limit that is gone is no answer for the next one', async () => {
    const answer = Promise.withResolvers<Reading[]>();
    const gauge = new Gauge('lag', () => answer.promise);
    gauge.follow(true);
    gauge.follow(false);
    answer.resolve(of(500));
    await answer.promise.then(() => new Promise(setImmediate));
    expect(gauge.brake(100, false)).toBeNull();
  });

  test('is measured while it has a limit; a new control keeps the brake until it knows', async () => {
    readings = of(500);
    await keeper.step();
    expect(written).toEqual([]);
    retune('a', { 'max-lag': 100 });
    const brakes = () => view.throttle?.brakes.map(b => b.reason);
    const stepsTo = (wanted: string[]) =>
      until(
        async () => {
          await keeper.step();
          return JSON.stringify(brakes()) === JSON.stringify(wanted);
        },
        { timeoutMs: 5000, everyMs: 5, what: `brakes ${wanted}` },
      );
    await stepsTo(['lag']);
    keeper = keeperOf();
    await keeper.step();
    expect(brakes()).toEqual(['lag']);
    readings = of(10);
    await stepsTo([]);
    readings = of(500);
    await stepsTo(['lag']);
    retune('b', {}, ['max-lag']);
    await keeper.step();
    expect(brakes()).toEqual([]);
  });
});

describe('the limit of rows', () => {
  const report = (brakes: string[]): Report => ({
    ...{ service: 'snapshot', unit: 's1', member: 'h:1', incarnation: '1', tsMs: 1 },
    ...{ state: 'running', error: null, counters: {} },
    detail: JSON.stringify({ brakes }),
  });
  const brakes = () => view.throttle?.brakes.map(b => [b.reason, b.sinceMs]);

  beforeEach(async () => {
    retune('r', { rows: 5 });
    keeper.note(report(['rate']));
    await keeper.step();
    expect(brakes()).toEqual([]);
    keeper.note(report(['operator', 'rate']));
    await keeper.step();
  });

  test('brakes when a member says so from now on, and while there is something to copy', async () => {
    expect(brakes()).toEqual([['rate', 1000]]);
    phase('following');
    now = 3000;
    await keeper.step();
    expect(view.throttle).toMatchObject({ brakes: [], spentMs: { rate: 2000 } });
  });

  test('that is taken away brakes no more when its request is answered', async () => {
    retune('c', {}, ['rows']);
    await keeper.step();
    expect(written.slice(-2)).toEqual(['+throttle', '-retune/c']);
    expect(brakes()).toEqual([]);
  });

  test('goes on to brake under a new control that has not heard of it yet', async () => {
    keeper = keeperOf();
    now = 4000;
    await keeper.step();
    expect(brakes()).toEqual([['rate', 1000]]);
  });
});

describe('a window of the day', () => {
  const HOUR = 3600_000;
  const brakes = () => view.throttle?.brakes.map(b => b.reason);

  beforeEach(async () => {
    now = 12 * HOUR;
    retune('w', { window: 22_000_600 });
    await keeper.step();
  });

  test('brakes the copy outside of it, says when it opens, and costs what it lasts', async () => {
    expect(throttleStatus(view, now).brakes).toMatchObject([
      {
        ...{ reason: 'window', work: 'copy', copy: 'stopped', sinceMs: now },
        why: 'the time of the day is outside of 22:00-06:00 UTC',
        lifts: expect.stringContaining('1970-01-01T22:00:00.000Z'),
      },
    ]);
    now = 22 * HOUR;
    await keeper.step();
    expect(brakes()).toEqual([]);
    expect(view.throttle?.spentMs).toEqual({ window: 10 * HOUR });
  });

  test('brakes a check too, and nothing while there is none', async () => {
    phase('verified');
    await keeper.step();
    expect(brakes()).toEqual([]);
    isChecking = true;
    pause('backup', 1);
    keeper.note(null);
    await keeper.step();
    expect(brakes()).toEqual(['window']);
    expect(throttleStatus(view, now).brakes).toMatchObject([{ work: 'check', copy: 'stopped' }]);
  });
});

test('what is measured brakes a check, too', async () => {
  phase('following');
  isChecking = true;
  readings = [{ server: 't1', value: 500, why: null }];
  retune('a', { 'max-lag': 100 });
  const isBraked = async (): Promise<boolean> => {
    await keeper.step();
    return view.throttle?.brakes.some(b => b.reason === 'lag') === true;
  };
  await until(isBraked, { timeoutMs: 5000, everyMs: 5, what: 'the brake' });
  isChecking = false;
  await keeper.step();
  expect(view.throttle?.brakes).toEqual([]);
});

test('a backlog whose cause is another one by now says so, and not for another number', () => {
  const of = (why: string) => new Map([['lag', { sinceMs: 20, why }]] as const);
  const begun = braked(UNTHROTTLED, of('t1 was 90 records behind'), 30);
  expect(braked(begun, of('t1 was 80 records behind'), 40)).toBe(begun);
  const { brakes } = braked(begun, of('how far t2 is behind is not known: away'), 40);
  expect(brakes).toEqual([
    { reason: 'lag', sinceMs: 20, why: 'how far t2 is behind is not known: away' },
  ]);
});

test('reasons that begin and end together are each counted', () => {
  const why = '';
  const both = new Map([
    ['operator', { sinceMs: 10, why }],
    ['lag', { sinceMs: 20, why }],
  ] as const);
  const begun = braked(UNTHROTTLED, both, 30);
  expect(braked(begun, both, 40)).toBe(begun);
  const ended = braked(begun, new Map(), 110);
  expect(ended).toEqual({ limits: [], brakes: [], spentMs: { operator: 100, lag: 90 } });
});
