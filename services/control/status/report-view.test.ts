import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Report } from '../../../shared/member/reporter.ts';
import { ReportView } from './report-view.ts';

const REPORT: Report = {
  service: 'sink',
  unit: 't1/0',
  member: 'm',
  incarnation: 'm/0/1',
  tsMs: 0,
  state: 'running',
  error: null,
  counters: { rows: 5 },
  detail: '{}',
};

/** A view at a time of our choice. */
function viewAt(): { view: ReportView; clock: { ms: number; offsetMs: number } } {
  const clock = { ms: 0, offsetMs: 0 };
  const view = new ReportView({
    now: () => clock.ms + clock.offsetMs,
    monotonic: () => clock.ms,
  });
  return { view, clock };
}

const seen = (view: ReportView): string[] => {
  const units = [{ service: 'snapshot', unit: 's1' }];
  return view.services(units, 0).map(s => `${s.member} ${s.state}`);
};

function shared(nowMs: number, ...members: [name: string, tsMs: number, state: string][]) {
  const { view, clock } = viewAt();
  for (const [member, tsMs, state] of members) {
    const incarnation = `${member}/0/1`;
    const report = { ...REPORT, service: 'snapshot', unit: 's1', member, incarnation, tsMs, state };
    view.apply(`snapshot/s1@${member}`, report);
  }
  clock.ms = nowMs;
  return view;
}

test('a member that is silent has not stopped, whoever was heard after it', () => {
  const { view, clock } = viewAt();
  const of = (member: string, o: Partial<Report>): void =>
    view.apply(`sink/member@${member}`, { ...REPORT, unit: 'member', member, ...o });
  of('asleep', { tsMs: 0 });
  of('ended', { tsMs: 29_000, state: 'stopped' });
  clock.ms = 30_000;
  expect(view.notStopped().map(m => `${m.member} ${m.state}`)).toEqual(['asleep silent']);
});

describe('reports', () => {
  test('two members at one unit are both shown', () => {
    const view = shared(5000, ['b', 0, 'running'], ['a', 0, 'halted']);
    expect(seen(view)).toEqual(['a halted', 'b running']);
  });

  test('a member that is silent or stopped falls out while another one is there', () => {
    expect(seen(shared(21_000, ['a', 0, 'running'], ['b', 20_000, 'running']))).toEqual([
      'b running',
    ]);
    expect(seen(shared(21_000, ['a', 20_900, 'stopped'], ['b', 20_000, 'running']))).toEqual([
      'b running',
    ]);
  });

  test('when all are gone, the last one stays to be seen', () => {
    expect(
      seen(shared(60_000, ['a', 5000, 'running'], ['b', 9000, 'running'], ['c', 2000, 'stopped'])),
    ).toEqual(['b silent']);
    expect(seen(shared(60_000, ['a', 5000, 'stopped'], ['b', 2000, 'running']))).toEqual([
      'a stopped',
    ]);
  });

  test('processes are no units, those that stand by included', () => {
    const { view } = viewAt();
    for (const member of ['a', 'b']) {
      view.apply(`sink/member@${member}`, { ...REPORT, unit: 'member', member });
    }
    view.apply('sink/t1/0', REPORT);
    expect(view.members().map(m => m.member)).toEqual(['a', 'b']);
    expect(view.services([], 0).map(s => s.unit)).toEqual(['t1/0']);
  });

  test('at work is what is heard, has not stopped and does not stand by', () => {
    const { view, clock } = viewAt();
    const of = (unit: string, o: Partial<Report> = {}): void =>
      view.apply(`sink/${unit}`, { ...REPORT, unit, ...o });
    of('t1/0', { state: 'halted' });
    of('t1/1', { state: 'stopped' });
    of('standby', {});
    of('member', {});
    view.apply('binlog/s1', { ...REPORT, service: 'binlog', unit: 's1' });
    expect(view.atWork('sink')).toEqual(['sink t1/0 of m']);
    clock.ms = 11_000;
    expect(view.atWork('sink'), 'silent').toEqual([]);
  });

  test('a unit of the plan that nobody has reported is missing, since the job began', () => {
    const { view, clock } = viewAt();
    clock.ms = 70_000;
    expect(view.services([{ service: 'binlog', unit: 's1' }], 10_000)).toEqual([
      { service: 'binlog', unit: 's1', member: '', state: 'missing', error: null, ageSeconds: 60 },
    ]);
  });

  test('a unit that is not of the plan is shown while it is heard', () => {
    const { view, clock } = viewAt();
    view.apply('sink/t1/0', REPORT);
    expect(view.services([], 0)).toHaveLength(1);
    clock.ms = 60_000;
    expect(view.services([], 0)).toEqual([]);
    expect(view.services([{ service: 'sink', unit: 't1/0' }], 0)[0]?.state).toBe('silent');
    expect(view.sum('sink', 'rows')).toBe(5);
  });

  test('a clock that is an hour wrong makes nobody silent, and nobody alive', () => {
    for (const offsetMs of [-3_600_000, 3_600_000]) {
      const { view, clock } = viewAt();
      clock.offsetMs = offsetMs;
      const units = [{ service: 'sink', unit: 't1/0' }];
      view.apply('sink/t1/0', REPORT);
      expect(view.services(units, 0)[0]?.state).toBe('silent');
      view.live();
      view.apply('sink/t1/0', REPORT);
      expect(view.services(units, 0)[0]?.state).toBe('running');
      clock.ms = 11_000;
      expect(view.services(units, 0)[0]?.state).toBe('silent');
    }
  });
});

describe('incarnations', () => {
  const of = (incarnation: string, state = 'running'): Report => ({
    ...REPORT,
    incarnation,
    state,
    member: incarnation,
  });

  test('the last word of one that has been replaced does not replace the new one', () => {
    const { view } = viewAt();
    view.live();
    view.apply('sink/t1/0', of('a'));
    view.apply('sink/t1/0', of('b'));
    view.apply('sink/t1/0', of('a', 'stopped'));
    expect(view.reports.get('sink/t1/0')?.incarnation).toBe('b');
  });

  test('counts again when the new one has fallen silent', () => {
    const { view, clock } = viewAt();
    view.live();
    view.apply('sink/t1/0', of('a'));
    view.apply('sink/t1/0', of('b'));
    clock.ms = 11_000;
    view.apply('sink/t1/0', of('a'));
    expect(view.reports.get('sink/t1/0')?.incarnation).toBe('a');
  });

  test('of versions that had none replace each other as they come', () => {
    const { view } = viewAt();
    for (const state of ['running', 'halted']) view.apply('sink/t1/0', of('', state));
    expect(view.reports.get('sink/t1/0')?.state).toBe('halted');
  });

  /** Hypothesis: whatever old ones report, and whenever it comes, the newest stands. */
  test('however late old ones report, the newest that is heard is shown', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 20 }), late => {
        const { view } = viewAt();
        view.live();
        view.apply('sink/t1/0', of('old'));
        view.apply('sink/t1/0', of('new'));
        for (const isOld of late) view.apply('sink/t1/0', of(isOld ? 'old' : 'new'));
        expect(view.reports.get('sink/t1/0')?.incarnation).toBe('new');
      }),
    );
  });
});

test('differences of the newest finished check are shown, until one that finds none', () => {
  const { view } = viewAt();
  const check = (unit: string, differences: number): void =>
    view.apply(`checker/${unit}`, {
      ...REPORT,
      service: 'checker',
      unit,
      state: 'finished',
      counters: { differences },
    });
  const requested = (): number => 100;
  expect(view.differing(requested, 0)).toEqual([]);
  check('verify-1', 3);
  expect(view.differing(requested, 0)).toEqual([
    { table: '', verifyId: 'verify-1', differences: 3, truncated: false },
  ]);
  expect(view.differing(requested, 101)).toEqual([]);
  check('verify-2', 0);
  expect(view.differing(requested, 0)).toEqual([]);
});
