/** A gate is open only if what it stands for was seen to be true. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { type Proof, type Standing, unproven } from '../../../shared/job/state/proof.ts';
import type { AccountPlan } from '../../../shared/mysql/account-fence.ts';
import { NAMES, spoiled, well } from '../../../test/support/status-facts.ts';
import { judged } from '../status/feed.ts';
import type { StatusFacts } from '../status/status.ts';
import type { AccountFacts } from './account-facts.ts';
import { counterGates, HEADROOM } from './counter.ts';
import { type Gate, jobGates, shutGates } from './gate.ts';
import { probeGate, serverGate, sourceGates, targetGates } from './server-gate.ts';
import type { SourceFacts } from './source-facts.ts';
import type { TargetFacts } from './target-facts.ts';
import { carriedGates } from './turn-gate.ts';

const NOW = 1_700_000_000_000;

const server = (name: string) => ({ name, user: 'u', database: 'shop' });
function jobOf(cutover: object = {}, tables: object[] = [{ name: 'orders' }]) {
  return parseJob(
    JSON.stringify({
      job: 'shop',
      kafka: { brokers: ['b:1'] },
      registry: { url: 'http://r' },
      sources: [server('s1'), server('s2')],
      targets: [server('t1'), server('t2')],
      tables,
      route: { kind: 'modulus', column: 'customer_id' },
      cutover,
    }),
    {},
  );
}
const LIMITS = jobOf().cutover.limits;

function proven(table: string, ageMs: number, o: Partial<Proof> = {}): Standing {
  const startedMs = NOW - ageMs;
  const proof = {
    ...unproven(table),
    check: 'verify-1',
    result: 'equal' as const,
    startedMs,
    ...o,
  };
  return { table, isProven: true, why: 'proven equal', proof };
}

const standingsOf = (s: StatusFacts): Standing[] => s.tables.map(t => proven(t.table, 60_000));

function closed(s: StatusFacts, standings = standingsOf(s)): string[] {
  return shutGates(jobGates(judged(s), standings, LIMITS, NOW)).map(g => `${g.name} ${g.where}`);
}

describe('gates of the job', () => {
  test('a job that is well and proven passes', () => {
    expect(closed(well())).toEqual([]);
  });

  test('whatever is wrong with a job keeps it shut', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.nat(3), (name, where) => {
        const s = spoiled([{ name, where }]);
        // An incomplete table keeps the job from being verified.
        if (name === 'a table that is not copied') s.phase = 'copying';
        expect(closed(s), name).not.toEqual([]);
      }),
    );
  });

  test.each(['prepare', 'copying', 'following', 'switched', 'finished'])('phase %s', phase => {
    expect(closed({ ...well(), phase })).toContain('phase ');
  });

  test('a proof counts from the beginning of its check, and not from the future', () => {
    const min = 60_000;
    const of = (standing: Standing) => closed(well(), [standing]);
    expect(of(proven('orders', 30 * min))).toEqual([]);
    expect(of(proven('orders', 30 * min + 1))).toEqual(['proof orders']);
    expect(of(proven('orders', 31 * min, { provenMs: NOW }))).toEqual(['proof orders']);
    expect(of(proven('orders', -min))).toEqual(['proof orders']);
    expect(of({ ...proven('orders', min), isProven: false })).toEqual(['proof orders']);
  });

  test('lag, waiting rows and other work', () => {
    const s = well();
    Object.assign(s.sources[0] ?? {}, { lagSeconds: 5.1, caughtUp: false });
    Object.assign(s.targets[0] ?? {}, { lagRecords: 1001 });
    Object.assign(s.targets[1] ?? {}, { parked: 1 });
    s.checks = [
      { check: 'verify-2', tables: [], state: 'checking', requestedMs: 1, rows: 1, waiting: [] },
    ];
    expect(closed(s)).toEqual(['log lag s1', 'lag t1', 'waiting rows t2', 'other work ']);
    Object.assign(s.sources[0] ?? {}, { lagSeconds: 5 });
    Object.assign(s.targets[0] ?? {}, { lagRecords: 1000 });
    Object.assign(s.targets[1] ?? {}, { parked: 0 });
    s.checks = [];
    expect(closed(s)).toEqual([]);
  });
});

describe('what opens by itself can be waited for', () => {
  const passing = (s: StatusFacts, standings = standingsOf(s)): string[] =>
    jobGates(judged(s), standings, LIMITS, NOW)
      .filter(g => g.passes)
      .map(g => g.name);
  const check = { check: 'v', tables: [], state: 'checking', requestedMs: 1, rows: 1, waiting: [] };

  test('lag, rows that are parked, and a check that is under way, with what it may prove', () => {
    const s = well();
    expect(passing(s)).toEqual([]);
    Object.assign(s.sources[0] ?? {}, { lagSeconds: 5.1, caughtUp: false });
    Object.assign(s.targets[0] ?? {}, { lagRecords: 1001 });
    Object.assign(s.targets[1] ?? {}, { parked: 1 });
    Object.assign(s, { phase: 'following', checks: [check] });
    const old = [proven('orders', 3_600_000)];
    expect(passing(s, old)).toEqual([
      ...['phase', 'proof', 'log lag', 'lag', 'waiting rows', 'other work'],
    ]);
  });

  test('not what waits for the operator', () => {
    const s = well();
    Object.assign(s, { phase: 'following' });
    Object.assign(s.targets[1] ?? {}, { parked: 1, blocked: 1 });
    const old = [proven('orders', 3_600_000)];
    expect(passing(s, old), 'no check is under way').toEqual([]);
    Object.assign(s, { phase: 'copying', checks: [check] });
    expect(passing(s, old), 'not all is copied').toEqual(['other work']);
    for (const name of NAMES.filter(n => /halted|blocked|silent/.test(n))) {
      const gates = jobGates(judged(spoiled([{ name, where: 0 }])), [], LIMITS, NOW);
      expect(
        shutGates(gates).every(g => g.passes),
        name,
      ).toBe(false);
    }
  });
});

const SOURCE: SourceFacts = {
  source: 's1',
  flavor: 'mysql',
  version: '8.4.0',
  canPersist: true,
  account: "'u'@'%'",
  serverUuid: 'a',
  isReadOnly: false,
  persistedOn: [],
  missing: [],
  appliers: [],
  group: '',
  preparedXa: 0,
  transactions: [],
  counters: new Map(),
  accounts: null,
};
const PLAN: AccountPlan = {
  ...{ locked: ['app@%'], spared: ['u@%', 'root@localhost'], problems: [] },
};
const OLD = { thread: '7', seconds: 9, rows: 3 };
const names = (gates: readonly Gate[]): string[] => shutGates(gates).map(g => g.name);

describe('gates of a source', () => {
  test('one that is as it should be passes', () => {
    expect(names(sourceGates(SOURCE, LIMITS))).toEqual([]);
  });

  test.each<[string, Partial<SourceFacts>]>([
    ['fence', { flavor: 'mariadb' }],
    ['fence', { canPersist: false }],
    ['account', { missing: ['PROCESS (shows transactions)'] }],
    ['writable', { isReadOnly: true }],
    ['writable', { persistedOn: ['super_read_only'] }],
    ['appliers', { appliers: ['channel ""'] }],
    ['group', { group: 'g' }],
    ['transactions', { transactions: [OLD] }],
    ['transactions', { transactions: null }],
    ['XA', { preparedXa: 1 }],
    ['XA', { preparedXa: null }],
  ])('%s is shut by %o', (name, facts) => {
    expect(names(sourceGates({ ...SOURCE, ...facts }, LIMITS))).toEqual([name]);
  });

  test('without SUPER another fence is named', () => {
    const of = (missing: string[]) => sourceGates({ ...SOURCE, missing }, LIMITS);
    const fixes = (missing: string[]) => shutGates(of(missing)).map(g => g.fix);
    expect(fixes(['SYSTEM_VARIABLES_ADMIN (sets it)'])).toEqual([
      expect.stringMatching(/cutover\.fence/),
    ]);
    expect(fixes(['PROCESS (shows it)'])).toEqual([expect.not.stringMatching(/cutover\.fence/)]);
  });

  test.each<[string, string[], Partial<AccountFacts>]>([
    ['all is as it should be', [], {}],
    ['grants that are not shown', ['accounts'], { plan: null }],
    ['an account that is ours', ['accounts'], { plan: { ...PLAN, problems: ['it is ours'] } }],
    ['a probe by another account', ['accounts'], { probed: 'somebody' }],
    ['events, which need no session', ['fenced events'], { events: ['shop.nightly'] }],
    ['events that are not shown', ['fenced events'], { events: null }],
  ])('accounts: %s', (_, shut, facts) => {
    const accounts = { plan: PLAN, fenced: ['app'], probed: 'app', events: [], ...facts };
    expect(names(sourceGates({ ...SOURCE, accounts }, LIMITS))).toEqual(shut);
  });

  test('whom it would lock is said, and who else may write', () => {
    const accounts = { plan: PLAN, fenced: ['app'], probed: 'app', events: [] };
    const gates = sourceGates({ ...SOURCE, accounts }, LIMITS);
    expect(gates.find(g => g.name === 'accounts')?.why).toBe(
      'locks app@%; not locked, and may write: u@%, root@localhost',
    );
  });

  test('a prepared XA transaction is waited for, one that is not shown is not', () => {
    const passes = (preparedXa: number | null): boolean[] =>
      shutGates(sourceGates({ ...SOURCE, preparedXa }, LIMITS)).map(g => g.passes);
    expect([passes(1), passes(null)]).toEqual([[true], [false]]);
  });

  test('the probe must be able to write before anything is frozen', () => {
    const serverUuid = 'a';
    expect(probeGate('s1', { kind: 'accepted', serverUuid }).state).toBe('open');
    expect(probeGate('s1', { kind: 'refused', serverUuid, text: '1290' }).state).toBe('shut');
    expect(probeGate('s1', { kind: 'unclear', text: 'denied' }).state).toBe('unknown');
    const locked = probeGate('s1', { kind: 'locked', text: '1205' });
    expect([locked.state, locked.fix]).toEqual(['unknown', expect.stringMatching(/PROCESSLIST/)]);
    expect(probeGate('s1', null).state).toBe('shut');
  });
});

const TARGET: TargetFacts = {
  target: 't1',
  database: 'shop',
  flavor: 'mysql',
  serverUuid: 'b',
  account: "'u'@'%'",
  isReadOnly: false,
  increment: 2,
  offset: 1,
  counters: new Map([['orders', 5000n]]),
  triggers: [],
  events: [],
  appliers: [],
  writers: [],
};
const OTHER: TargetFacts = { ...TARGET, target: 't2', offset: 2 };

describe('gates of a target', () => {
  test('one that is as it should be passes', () => {
    expect(names(targetGates(TARGET))).toEqual([]);
  });

  test.each<[string, Partial<TargetFacts>]>([
    ['writable', { isReadOnly: true }],
    ['appliers', { appliers: ['channel ""'] }],
    ['triggers', { triggers: ['orders.t'] }],
    ['events', { events: ['nightly'] }],
    ['events', { events: null }],
    ['other writers', { writers: [OLD] }],
    ['other writers', { writers: null }],
  ])('%s is shut by %o', (name, facts) => {
    expect(names(targetGates({ ...TARGET, ...facts }))).toEqual([name]);
  });
});

describe('gates of what rows are carried back to', () => {
  test.each<[string, number, Partial<TargetFacts>]>([
    ['nothing acts by itself', 0, {}],
    ['a trigger', 1, { triggers: ['orders.t'] }],
    ['an event, which read_only need not stop', 1, { events: ['nightly'] }],
    ['events that nobody may see', 1, { events: null }],
  ])('%s: %i are shut', (_, shut, facts) => {
    expect(names(carriedGates({ ...TARGET, ...facts }))).toHaveLength(shut);
  });
});

test('a target on the server of a source would be frozen with it', () => {
  expect(serverGate(TARGET, [SOURCE])).toEqual([]);
  expect(names(serverGate({ ...TARGET, serverUuid: 'a' }, [SOURCE]))).toEqual(['server']);
});

describe('ids that the targets will give out', () => {
  const sources = (...next: bigint[]) =>
    next.map((n, i) => ({ source: `s${i + 1}`, counters: new Map([['orders', n]]) }));
  const ids = (next: bigint[], targets = [TARGET, OTHER], headroom = HEADROOM, job = jobOf()) =>
    shutGates(counterGates(job, sources(...next), targets, headroom)).map(g => [g.name, g.where]);

  test('are above those of all sources, with headroom before the freeze', () => {
    expect(ids([17n, 4000n])).toEqual([]);
    expect(ids([17n, 4001n])).toEqual([
      ['ids', 't1/orders'],
      ['ids', 't2/orders'],
    ]);
    expect(ids([5000n], [TARGET, OTHER], 0n)).toEqual([]);
    expect(ids([5001n], [TARGET, OTHER], 0n)).toHaveLength(2);
  });

  test('the statement that is named opens the gate', () => {
    const [gate] = counterGates(jobOf(), sources(9000n), [TARGET], HEADROOM);
    expect(gate?.fix).toBe('ALTER TABLE `shop`.`orders` AUTO_INCREMENT = 109000;');
    const set = { ...TARGET, counters: new Map([['orders', 109_000n]]) };
    expect(ids([9000n], [set])).toEqual([]);
  });

  test('an empty target, or one whose column gives none out, is no way around', () => {
    expect(ids([1n], [{ ...TARGET, counters: new Map([['orders', 1n]]) }])).toHaveLength(1);
    expect(ids([1n], [{ ...TARGET, counters: new Map() }])).toHaveLength(1);
  });

  test.each<[string, Partial<TargetFacts>, Partial<TargetFacts>]>([
    ['no step', { increment: 1, offset: 1 }, { increment: 1, offset: 1 }],
    ['the same offset', {}, { offset: 1 }],
    ['an offset that is not heeded', {}, { offset: 4 }],
    ['another step', {}, { increment: 3 }],
  ])('several targets step over each other: %s', (_, one, two) => {
    const targets = [
      { ...TARGET, ...one },
      { ...OTHER, ...two },
    ];
    expect(ids([17n], targets)).toEqual([
      ['id steps', 't1'],
      ['id steps', 't2'],
    ]);
  });

  test('a table of one target needs no step, and its counter matters there only', () => {
    const table = { name: 'orders', route: { kind: 'target', target: 't2' } };
    const low = { ...TARGET, counters: new Map([['orders', 1n]]), increment: 1 };
    expect(ids([17n], [low, { ...OTHER, increment: 1 }], HEADROOM, jobOf({}, [table]))).toEqual([]);
  });

  test('ids of the application are its own; that is said', () => {
    const job = jobOf({ ids: 'application' });
    const gates = counterGates(job, sources(9000n), [TARGET, OTHER], HEADROOM);
    expect(gates).toMatchObject([{ state: 'open', why: expect.stringContaining('not looked at') }]);
  });
});
