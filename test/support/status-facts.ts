/** The facts of a job that is well, and each way in which one can be unwell. */
import type { ServiceStatus, StatusFacts } from '../../services/control/status/status.ts';

export const unit = (service: string, name: string): ServiceStatus => ({
  service,
  unit: name,
  member: 'host:1',
  state: 'running',
  error: null,
  ageSeconds: 1,
});

/** A job of which everything is as it should be. */
export function well(): StatusFacts {
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
      waitsForLog: [],
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
    proofs: [],
    wayBack: null,
    stream: null,
    checks: [],
    nextCheckMs: null,
    repairs: [],
    pauses: [],
    throttle: { limits: [], brakes: [], spentSeconds: UNSPENT },
    waiting: null,
    registry: null,
    differing: [],
    cutover: null,
    handover: null,
    rehearsals: [],
  };
}

const CUTOVER = {
  ...{ id: 'cutover-1', stage: 'switched' as const, way: 'over' as const, sinceMs: 1, stopMs: 900 },
  ...{ why: null, lost: [], hasWayBack: false },
};

/** No reason has braked the copy yet. */
export const UNSPENT = { operator: 0, rate: 0, window: 0, lag: 0, load: 0, replica: 0 };

export interface Fault {
  /** What the headline has to name. */
  named: RegExp;
  spoil(s: StatusFacts, at: number): void;
}

/** One of the list; where it is empty already, something that is thrown away. */
export const at = <T extends object>(list: readonly T[], i: number): Partial<T> =>
  list[i % Math.max(1, list.length)] ?? {};

const badUnit = (state: string, named = state): Fault => ({
  named: new RegExp(named),
  spoil: (s, i) => {
    const u = at(s.services, i);
    u.state = state;
    if (state === 'halted') u.error = 'unsafe-event: a statement\n  remedy: recopy';
  },
});

export const FAULTS: Record<string, Fault> = {
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
    spoil: (s, i) => Object.assign(at(s.services, i), { state: 'running', ageSeconds: 11 }),
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
  'a table of which both logs say that a target differs': {
    named: /doubt|table orders/,
    spoil: s => {
      const proof = { table: 'orders', isProven: false, why: '', check: 'verify-1', rows: 1 };
      s.proofs.push({ ...proof, startedMs: 1, provenMs: 1, sourceGtids: {} });
      const place = { table: 'orders', target: 't1', partition: 0, bucket: 7, base: 'verify-1' };
      const doubt = { ...place, rows: 1, sinceMs: 1, atMs: 2, fromOffset: 3, toOffset: 4 };
      s.stream = { tables: [], doubts: [doubt], foreign: [], foreignCount: 0 };
    },
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
      s.differing = [{ table: 'orders', verifyId: 'verify-1', differences: 3, truncated: false }];
    },
  },
  'a repair that cannot go on': {
    named: /halted: repair-1: config: id: /,
    spoil: s => {
      const at = { stage: 'repairing', tables: ['orders'], pass: 1, round: 1 };
      const error = 'config: id: not a number\n  remedy: verify';
      s.repairs = [{ id: 'repair-1', ...at, waiting: null, error }];
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
  'a copy that a backlog stops': {
    named: /throttled/,
    spoil: s => {
      const brake = { sinceMs: 1, why: 't1 was 12 records behind', lifts: 'less' };
      s.throttle = {
        ...s.throttle,
        brakes: [{ reason: 'lag', work: 'copy', copy: 'stopped', ...brake }],
      };
    },
  },
  'sources that are frozen, and no journal': {
    named: /frozen: cutover-1/,
    spoil: s => {
      s.cutover = { ...CUTOVER, stage: 'freezing' };
    },
  },
  'an open command that has failed': {
    named: /unopened: cutover-1/,
    spoil: s => {
      s.cutover = { ...CUTOVER, stage: 'unopened', why: 'exit code 3' };
    },
  },
  'a frozen source that takes writes': {
    named: /fence-lost: cutover-1: s1 takes writes/,
    spoil: s => {
      s.phase = 'switched';
      s.cutover = { ...CUTOVER, lost: ['s1 takes writes'] };
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

export const NAMES = Object.keys(FAULTS);

export function spoiled(faults: readonly { name: string; where: number }[]): StatusFacts {
  const s = well();
  for (const { name, where } of faults) FAULTS[name]?.spoil(s, where);
  return s;
}
