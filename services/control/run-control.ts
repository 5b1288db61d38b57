/** The control service: doctor and prepare under the lease, then the phase machine. */

import { isReturnJob, returnJob } from '../../shared/job/return-job.ts';
import type { KafkaLog } from '../../shared/kafka/kafka.ts';
import {
  kafkaOf,
  openContext,
  registryOf,
  type ServiceContext,
  type ServiceOptions,
  waitPrepared,
} from '../../shared/member/context.ts';
import { persist } from '../../shared/member/persist.ts';
import type { Finding } from '../../shared/mysql/finding.ts';
import { loadLibrary } from '../../shared/registry/registry.ts';
import { describeError, ReshardError } from '../../shared/runtime/error.ts';
import { runSupervised } from '../../shared/runtime/service.ts';
import { renderFindings } from './cli/doctor-report.ts';
import { tell } from './cli/output.ts';
import { blockers, createTables, examineWayBack, runDoctor } from './doctor/doctor.ts';
import { isPassing } from './doctor/error-finding.ts';
import { Control } from './phase/control.ts';
import { leadership, untilFenced } from './phase/leadership.ts';
import { noteWaiting, prepare, prepared, refuseUnlike, registerStatic } from './phase/prepare.ts';
import { matchTargets } from './phase/target-match.ts';
import { controlTopics } from './phase/topic-plan.ts';

export interface ControlOptions extends ServiceOptions {
  /** Create tables that a target lacks, as copies of the source's. */
  createTargets: boolean;
}

export async function runControl(o: ControlOptions): Promise<void> {
  const { job, log, signal } = o;
  const kafka = kafkaOf(job, log, 'reshard-control');
  const early = examineEarly(o, kafka);
  const ended = new AbortController();
  let waiting: string | null = null;
  const opening = standBy({
    ...o,
    signal: AbortSignal.any([signal, ended.signal]),
    waiting: () => waiting,
  });
  const broken = opening.then(forever, e => (signal.aborted ? forever() : Promise.reject(e)));
  try {
    const led = leadership({ kafka, job, log, signal }, async leading => {
      await begin({ ...o, signal: leading }, { kafka, early }, text => {
        waiting = text;
      });
      const context = await opening;
      const unit = context.report.unit('job');
      await runSupervised('control', () => new Control(context, unit), {
        log,
        signal: leading,
        onState: unit.state,
      });
      // Another one leads now: its reports are the ones that count.
      if (signal.aborted) unit.end();
      else unit.forget();
    });
    await Promise.race([led, broken]);
  } finally {
    ended.abort();
    await opening.then(
      context => context[Symbol.asyncDispose](),
      () => {},
    );
    await kafka.close();
  }
}

/**
 * The context is opened before the lease is ours: the one that takes over has read the state
 * already, and one that stands by answers for its health.
 */
async function standBy(o: ServiceOptions): Promise<ServiceContext> {
  const context = await openContext('control', o);
  context.readiness = () => ({ ok: true, detail: { phase: context.view.job?.phase } });
  return context;
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

/**
 * Prepares the job unless that has been done. A server that is away is waited for, which logs,
 * health and `reshard status` show; what is wrong ends it.
 */
async function begin(
  o: ControlOptions,
  { kafka, early }: { kafka: KafkaLog; early: Promise<Examination | null> },
  note: (waiting: string) => void,
): Promise<void> {
  const { job, log, signal } = o;
  let first: Promise<Examination | null> | null = early;
  const registry = registryOf(job);
  const sinceMs = Date.now();
  const attempt = async (): Promise<void> => {
    // Who prepares the job has prepared its way back before.
    if (isReturnJob(job)) await waitPrepared(kafka, job, log, signal);
    if (await prepared(kafka, job)) {
      await prepareWayBack(o, kafka);
      await refuseUnlike({ job, kafka, registry, log });
      // A job that an older version has prepared lacks them.
      const { deadLetters, schemas } = controlTopics(job);
      await (await kafka.admin()).ensureTopics([deadLetters, ...schemas]);
      return registerStatic(registry, job);
    }
    const examined = await first;
    first = null;
    await refuseBlocked(o, examined);
    const mayAlter = o.createTargets || job.options.addedColumns === 'apply';
    await prepare({ job, kafka, registry, log }, async planned => {
      await matchTargets({ job, log, mayAlter }, planned);
      // Before the sinks start: so the log of the targets has all that they will ever write.
      await prepareWayBack(o, kafka);
    });
  };
  let isNoted = false;
  const tell = async (waiting: string): Promise<void> => {
    note(waiting);
    isNoted = true;
    await noteWaiting({ job, kafka, registry, log }, sinceMs, waiting).catch(e =>
      log.debug(`not shown to views: ${describeError(e)}`),
    );
  };
  const onWait = (error: ReshardError): Promise<void> => tell(describeError(error));
  const work = (): Promise<void> => untilFenced(attempt, { job, log, signal });
  try {
    await persist(work, { what: 'preparing the job', log, signal, onWait });
  } catch (e) {
    // Views would go on to tell of the server that was waited for, long after that has come.
    if (isNoted && !signal.aborted) await tell(`control has ended: ${describeError(e)}`);
    throw e;
  }
}

/** Also of a job that has run without one, whose job file asks for it now. */
async function prepareWayBack({ job, log }: ControlOptions, kafka: KafkaLog): Promise<void> {
  const back = returnJob(job);
  if (back === null || (await prepared(kafka, back))) return;
  const found = await examineWayBack(back, { log });
  if (blockers(found).length > 0) refuseFound(found);
  // Its targets are the sources, which have the rows.
  await prepare({ job: back, kafka, registry: registryOf(back), log }, async () => {});
}

/** What the doctor has seen, and when. */
interface Examination {
  findings: Finding[];
  atMs: number;
}

/** Longest time between an examination and the start that rests on it. */
const FRESH_MS = 10_000;

/**
 * A broker takes seconds to give the first lease of a group: the servers of a new job are examined
 * in that time. It changes nothing, so that more than one control may do it.
 */
async function examineEarly(o: ControlOptions, kafka: KafkaLog): Promise<Examination | null> {
  const { job, log, createTargets } = o;
  try {
    if (isReturnJob(job) || (await prepared(kafka, job))) return null;
    const [findings] = await Promise.all([runDoctor(job, { log, createTargets }), loadLibrary()]);
    return { findings, atMs: performance.now() };
  } catch (e) {
    log.debug(`examined again under the lease: ${describeError(e)}`);
    return null;
  }
}

/**
 * A job does not start past a blocker. Tables are created under the lease alone. What such tables
 * have otherwise than the sources' is looked at once more when those are planned: they may have
 * been altered while this one looked.
 */
async function refuseBlocked(o: ControlOptions, early: Examination | null): Promise<void> {
  const { job, log, createTargets } = o;
  const isFresh = early !== null && performance.now() - early.atMs < FRESH_MS;
  const blocking = (findings: readonly Finding[]): Finding[] =>
    blockers(findings).filter(f => !createTargets || f.code !== 'target-schema');
  const seen = isFresh ? early.findings : await runDoctor(job, { log, createTargets });
  const findings =
    createTargets && blocking(seen).length === 0 ? await createTables(job, seen, log) : seen;
  const found = blocking(findings);
  if (found.length > 0) refuseFound(found);
  o.log.info('the doctor found no blocker');
}

function refuseFound(findings: readonly Finding[]): never {
  const found = blockers(findings);
  if (found.every(isPassing)) {
    throw new ReshardError('unreachable', found.map(f => `${f.where}: ${f.what}`).join('; '), {
      remedy: [...new Set(found.map(f => f.fix))].join('; '),
    });
  }
  const colour = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  tell(`${renderFindings(found, { colour })}\n`);
  throw new ReshardError('server-setting', `the doctor found ${found.length} blockers`, {
    remedy:
      'apply the fixes above, then start again; `reshard doctor <job file>` repeats the checks',
  });
}
