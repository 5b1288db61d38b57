/** Asks sources and targets what the gates go by; a server that is away shuts its gates only. */
import type { Job, JobSource, JobTarget } from '../../../shared/job/job.ts';
import { tablesOf } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { standings } from '../../../shared/job/state/proof.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { quoteId } from '../../../shared/mysql/identifier.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { describeError, firstLine } from '../../../shared/runtime/error.ts';
import type { Status } from '../status/status.ts';
import { counterGates, HEADROOM } from './counter.ts';
import { fencedTables } from './fenced-tables.ts';
import { type Gate, jobGates, shut } from './gate.ts';
import { type ProbePlace, probe } from './probe.ts';
import { probeGate, serverGate, silent, sourceGates, targetGates } from './server-gate.ts';
import { readSourceFacts, type SourceFacts } from './source-facts.ts';
import { readTargetFacts, type TargetFacts } from './target-facts.ts';

const ANSWER_MS = 10_000;

export interface GateDeps {
  job: Job;
  view: JobView;
  status(): Promise<Status>;
}

/** All gates as they are now, the job's first. */
export async function askGates({ job, view, status }: GateDeps): Promise<Gate[]> {
  const { limits } = job.cutover;
  const [known, sources, targets, probes] = await Promise.all([
    status(),
    Promise.all(job.sources.map(s => answerOf(s.name, () => askSource(job, s)))),
    Promise.all(job.targets.map(t => answerOf(t.name, () => askTarget(job, t)))),
    Promise.all(job.sources.map(s => askProbe(job, view, s))),
  ]);
  const answered = sources.flatMap(s => ('facts' in s ? [s.facts] : []));
  const reached = targets.flatMap(t => ('facts' in t ? [t.facts] : []));
  const isWhole = answered.length === sources.length && reached.length === targets.length;
  return [
    ...fenceGates(job, view),
    ...jobGates(known, standings(view, tablesOf(job)), limits),
    ...sources.flatMap(s => ('facts' in s ? sourceGates(s.facts, limits) : [s.gate])),
    ...probes,
    ...targets.flatMap(t => ('facts' in t ? targetGates(t.facts) : [t.gate])),
    ...reached.flatMap(t => serverGate(t, answered)),
    ...(isWhole ? counterGates(job, answered, reached, HEADROOM) : []),
  ];
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
    fencesRows: job.kind === 'expand',
  });
}

export async function askTarget(job: Job, target: JobTarget): Promise<TargetFacts> {
  await using session = await MysqlSession.open(target, { ...LOOK, side: 'target' });
  const { name, database } = target;
  return await readTargetFacts(session, { target: name, database, tables: tablesOf(job) });
}

async function askProbe(job: Job, view: JobView, source: JobSource): Promise<Gate> {
  const place = probePlace(job, view, source);
  return probeGate(source.name, place === null ? null : await probe(place));
}

/** Null when the job file names no account. */
export function probePlace(job: Job, view: JobView, source: JobSource): ProbePlace | null {
  const account = job.cutover.probe;
  const moving = job.kind === 'expand' ? fencedTables(job, view, source) : [];
  const [fenced] = moving;
  const plans = view.plansOf(source.name);
  const plan = fenced === undefined ? plans[0] : plans.find(p => p.table === fenced.table);
  const column = plan?.schema.columns.find(c => c.generated === 'no');
  if (account === undefined || plan === undefined || column === undefined) return null;
  const place = { source, account, table: plan.table, column: column.name };
  return fenced === undefined ? place : { ...place, moving: fenced.condition(quoteId) };
}
