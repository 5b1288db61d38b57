/** Asks sources and targets what the gates go by; a server that is away shuts its gates only. */
import { fenceKind, fenceOf, ownUsers } from '../../../shared/job/fence.ts';
import type { Job, JobSource, JobTarget } from '../../../shared/job/job.ts';
import { movingTables, tablesOf } from '../../../shared/job/job.ts';
import {
  type CutoverRun,
  type FrozenSource,
  fencedNow,
  type Way,
} from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { standings } from '../../../shared/job/state/proof.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { quoteId } from '../../../shared/mysql/identifier.ts';
import { knowsLegs } from '../../../shared/mysql/target-state.ts';
import { type ProbePlace, probe } from '../../../shared/mysql/write-probe.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { describeError, firstLine } from '../../../shared/runtime/error.ts';
import type { Status } from '../status/status.ts';
import { counterGates, HEADROOM } from './counter.ts';
import { fencedTables } from './fenced-tables.ts';
import { type Gate, jobGates, shut, wayGates } from './gate.ts';
import { probeGate, serverGate, silent, sourceGates, targetGates } from './server-gate.ts';
import { type FenceQuestion, readSourceFacts, type SourceFacts } from './source-facts.ts';
import { streamGates } from './stream-gate.ts';
import { readTargetFacts, type TargetFacts } from './target-facts.ts';
import {
  accountGate,
  carriedGates,
  flowGates,
  leavingGates,
  legGate,
  tableGates,
} from './turn-gate.ts';

const ANSWER_MS = 10_000;

export interface GateDeps {
  job: Job;
  view: JobView;
  status(): Promise<Status>;
  way: Way;
  /** The newest cutover. */
  run: CutoverRun | null;
  /** What carries rows the other way afterwards; null: there is no way back. */
  opposite: { job: Job; view: JobView; status(): Promise<Status> } | null;
}

/** All gates as they are now, the job's first. */
export async function askGates(d: GateDeps): Promise<Gate[]> {
  const { job, view, opposite } = d;
  const { limits } = job.cutover;
  // Those that the application has left take our writes alone, and are let go before it comes.
  const held = fencedNow(d.run).map(f => f.source);
  const [ofJob, sources, targets, probes, turn] = await Promise.all([
    askJob(d),
    Promise.all(job.sources.map(s => answerOf(s.name, () => askSource(job, s)))),
    Promise.all(job.targets.map(t => answerOf(t.name, () => askTarget(job, t)))),
    Promise.all(job.sources.map(s => askProbe(job, view, s))),
    opposite === null ? [] : askTurn(opposite, tablesOf(job), held),
  ]);
  const answered = sources.flatMap(s => ('facts' in s ? [s.facts] : []));
  const reached = targets.flatMap(t => ('facts' in t ? [t.facts] : []));
  const isWhole = answered.length === sources.length && reached.length === targets.length;
  return [
    ...fenceGates(job, view),
    ...ofJob,
    ...sources.flatMap(s => ('facts' in s ? sourceGates(s.facts, limits) : [s.gate])),
    ...probes,
    ...targets.flatMap(t =>
      'facts' in t ? targetGates(t.facts, held.includes(t.facts.target)) : [t.gate],
    ),
    ...reached.flatMap(t => serverGate(t, answered)),
    ...(isWhole ? counterGates(job, answered, reached, HEADROOM) : []),
    ...turn,
  ];
}

/** As of when the status answers: servers may take longer, and what it says is older by then. */
async function askJob({ job, view, status, way }: GateDeps): Promise<Gate[]> {
  const { limits } = job.cutover;
  const known = await status();
  if (way === 'back') return wayGates(known, limits);
  const proofs = standings(view, tablesOf(job));
  return [...jobGates(known, proofs, limits), ...streamGates(known, proofs, limits)];
}

/** A server has to tell which rows move: the fence around them is its own. */
function fenceGates(job: Job, view: JobView): Gate[] {
  if (job.kind !== 'expand') return [];
  return job.sources.flatMap(source => {
    try {
      for (const { condition } of fencedTables(job, view, source)) condition(quoteId);
      return [];
    } catch (e) {
      return [shut('fence', source.name, firstLine(describeError(e)))];
    }
  });
}

/**
 * Whether what carries rows the other way could do so now: to the servers that the application
 * leaves, from those that it goes to. `held`: of those, which take no writes of it yet.
 */
async function askTurn(
  { job, view, status }: NonNullable<GateDeps['opposite']>,
  tables: readonly string[],
  held: readonly string[],
): Promise<Gate[]> {
  const { limits, probe: account } = job.cutover;
  const free = job.sources.filter(s => !held.includes(s.name));
  const [known, entered, left, accounts, probes, legs] = await Promise.all([
    status(),
    Promise.all(job.sources.map(s => answerOf(s.name, () => askSource(job, s)))),
    Promise.all(job.targets.map(t => answerOf(t.name, () => askTarget(job, t)))),
    Promise.all(job.targets.filter(t => isReadOnly(job, t)).map(t => accountGate(t, account))),
    Promise.all(free.map(s => askProbe(job, view, s))),
    Promise.all(job.sources.map(s => answerOf(s.name, () => askLegs(s)))),
  ]);
  return [
    ...tableGates(tables, view),
    ...flowGates(known, limits),
    ...entered.flatMap(s => ('facts' in s ? leavingGates(s.facts) : [s.gate])),
    ...left.flatMap(t => ('facts' in t ? carriedGates(t.facts) : [t.gate])),
    ...legs.flatMap(l => ('facts' in l ? [l.facts] : [l.gate])),
    ...[...accounts.flat(), ...probes],
  ];
}

/** Frozen, a server lets some accounts through there; where they are locked, or by a hook, none. */
function isReadOnly(job: Job, { name }: JobTarget): boolean {
  return fenceOf(job, name).kind === 'read-only';
}

async function askLegs(server: JobSource): Promise<Gate> {
  await using session = await MysqlSession.open(server, { ...LOOK, side: 'target' });
  return legGate(server.name, await knowsLegs(session, server.database));
}

type Answer<T> = { facts: T } | { gate: Gate };

async function answerOf<T>(name: string, question: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { facts: await within(ANSWER_MS, name, question()) };
  } catch (e) {
    return { gate: silent(name, firstLine(describeError(e))) };
  }
}

const LOOK = { role: 'admin', connectTimeoutMs: 3000, statementTimeoutMs: ANSWER_MS } as const;

async function askSource(job: Job, source: JobSource): Promise<SourceFacts> {
  await using session = await MysqlSession.open(source, { ...LOOK, side: 'source' });
  return await readSourceFacts(session, {
    source: source.name,
    database: source.database,
    tables: tablesOf(job),
    olderSeconds: job.cutover.limits.maxTransactionSeconds,
    fence: fenceQuestion(job, source.name),
  });
}

function fenceQuestion(job: Job, server: string): FenceQuestion {
  const setting = fenceOf(job, server);
  if (setting.kind !== 'accounts') return { kind: setting.kind };
  const probed = job.cutover.probe?.user ?? null;
  return { kind: 'accounts', wish: setting, users: ownUsers(job), probed };
}

export async function askTarget(job: Job, target: JobTarget): Promise<TargetFacts> {
  await using session = await MysqlSession.open(target, { ...LOOK, side: 'target' });
  const { name, database } = target;
  return await readTargetFacts(session, { target: name, database, tables: tablesOf(job) });
}

async function askProbe(job: Job, view: JobView, source: JobSource): Promise<Gate> {
  const places = probePlaces(job, view, source);
  return probeGate(source.name, places === null ? null : await probe(places));
}

/** Null when the job file names no account. */
export function probePlaces(
  job: Job,
  view: JobView,
  source: JobSource,
  frozen?: FrozenSource,
): ProbePlace[] | null {
  const account = job.cutover.probe;
  const by = fenceKind(job, source.name, frozen);
  if (account === undefined) return null;
  const places = view.plansOf(source.name).flatMap(({ schema }): ProbePlace[] => {
    const isWritten = schema.columns.some(c => c.generated === 'no');
    return isWritten ? [{ source, account, schema, by, job: job.job }] : [];
  });
  if (job.kind !== 'expand') return places.length === 0 ? null : places.slice(0, 1);
  const moving = movingTables(job);
  return places.filter(p => moving.includes(p.schema.table));
}
