/**
 * One attempt to go over, from the gates to the journal. Nothing here is resumed: an attempt whose
 * control dies is undone by the next one, for it would have to trust a fence that nobody watched.
 *
 *   gates -> marker -> [record: freezing] -> freeze -> probe -> positions -> drain -> persist
 *         -> targets -> turn -> compare -> ids -> fence -> [record: opening = journal]
 *
 * - Before the first record nothing is touched but a row of ours on each target: whatever fails
 *   refuses the attempt.
 * - From there to the second one whatever fails (an error, a budget, a cancel, a lease that is
 *   lost) makes all sources writable again at once, and only then is that written: Kafka is not
 *   needed to end a write stop.
 * - Whether the second one is written, nobody knows if its writing fails. Then nothing is undone
 *   here: the error ends this control's term, and the next term goes by what the record says.
 */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import {
  type CutoverRun,
  FIRST_LEG,
  type Leg,
  otherWay,
} from '../../../shared/job/state/cutover.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { compared, type StreamComparer } from './compare.ts';
import { answered, drain, refuseStopped, type WaitDeps, waitFor } from './drain.ts';
import { shutGates, shutText } from './gate.ts';
import { persistedOn } from './server-look.ts';
import type { CutoverSite, Fence } from './site.ts';
import { LOCK_PAUSE_MS } from './step.ts';
import { StepClock } from './step-clock.ts';
import { liftAll, undoneText } from './undo.ts';

export interface AttemptDeps extends WaitDeps {
  site: CutoverSite;
  /** Names. */
  sources: readonly string[];
  limits: CutoverLimits;
  log: Logger;
  /** Durable, and under control's fence, when it resolves. */
  put(run: CutoverRun): Promise<void>;
  /** Tables that are not proven equal any more; null: none. */
  doubts(): Promise<string | null>;
  /** The streaming check; null where it is off, or was ended by a journal. */
  comparer: StreamComparer | null;
  /** Where the application goes, from what to what, and which way rows are carried until then. */
  before: Pick<CutoverRun, 'way' | 'thaws' | 'leg'>;
}

export type AttemptEnd =
  /** Nothing was touched. */
  { kind: 'refused'; why: string } | { kind: 'undone' | 'journaled'; run: CutoverRun };

export async function attempt(
  d: AttemptDeps,
  { id, by }: Pick<CutoverRun, 'id' | 'by'>,
): Promise<AttemptEnd> {
  const clock = new StepClock(d);
  await using stack = new AsyncDisposableStack();
  const began = await begin(d, clock, stack, id).catch(e => describeError(e));
  if (typeof began === 'string') return { kind: 'refused', why: began };
  const { fences, sources } = began;
  const startedMs = Date.now();
  const timed = { startedMs, stageMs: startedMs, stopMs: 0 };
  const made = { id, by, ...timed, sources, targets: {}, ...d.before };
  let run: CutoverRun = { ...made, stage: 'freezing', steps: [], journalMs: null, why: null };
  await d.put(run);
  const frozenAt = performance.now();
  let begins: Leg['begins'] | null = null;
  const stopMs = (): number => Math.round(performance.now() - frozenAt);
  try {
    ({ run, begins } = await freezeAndDrain(d, clock, fences, run));
    refuseStopped(d);
  } catch (e) {
    const why = describeError(e);
    d.log.warn({ cutover: id }, `the cutover is undone: ${why}`);
    d.note('undo');
    const left = await liftAll(d, run, fences);
    const stageMs = Date.now();
    const steps = clock.steps;
    run = {
      ...run,
      stage: 'undone',
      stageMs,
      steps,
      stopMs: stopMs(),
      why: undoneText(why, left, run.way),
    };
    await d.put(run);
    return { kind: 'undone', run };
  }
  const journalMs = Date.now();
  const steps = clock.steps;
  run = { ...run, stage: 'opening', stageMs: journalMs, journalMs, steps, stopMs: stopMs() };
  if (begins !== null) run = { ...run, leg: legAfter(d.before, begins) };
  d.note('journal');
  failpoint(FAILPOINTS.cutoverBeforeJournal);
  const journalFrom = performance.now();
  await d.put(run);
  failpoint(FAILPOINTS.cutoverAfterJournal);
  // Known only now: the next record has it.
  const tookMs = Math.round(performance.now() - journalFrom);
  const journal = { step: 'journal', atMs: journalMs, tookMs };
  const told = { steps: [...steps, journal], stageMs: Date.now(), stopMs: stopMs() };
  return { kind: 'journaled', run: { ...run, ...told } };
}

type Begun = { fences: Fence[]; sources: CutoverRun['sources'] };

/** All that touches nothing; a text: why it does not begin. */
async function begin(
  d: AttemptDeps,
  clock: StepClock,
  stack: AsyncDisposableStack,
  id: string,
): Promise<Begun | string> {
  const shut = shutGates(await clock.time('gates', () => d.site.gates()));
  if (shut.length > 0) return shutText(shut);
  await marked(d, clock, id);
  const fences: Fence[] = [];
  const sources: CutoverRun['sources'] = [];
  for (const source of d.sources) {
    const fence = stack.use(await d.site.fence(source));
    // Each would look before the other one freezes, and undo what the other one has frozen.
    if (!(await fence.claim())) return `another job is freezing the server of ${source} just now`;
    const { serverUuid, isReadOnly, persisted, by, why } = await fence.look();
    if (why !== undefined) return `the fence of ${source}: ${why}`;
    if (isReadOnly) return `somebody else has frozen ${source} just now`;
    // To persist it again would freeze the source that was to be open.
    const on = persistedOn(persisted);
    if (on.length > 0) return `${on.join(', ')} of ${source} is persisted ON: RESET PERSIST`;
    fences.push(fence);
    const how = by === undefined ? {} : { by };
    sources.push({ source, serverUuid, persisted, position: '', ...how });
  }
  return d.stopped() ?? { fences, sources };
}

async function freezeAndDrain(
  d: AttemptDeps,
  clock: StepClock,
  fences: readonly Fence[],
  run: CutoverRun,
): Promise<{ run: CutoverRun; begins: Leg['begins'] | null }> {
  const { site } = d;
  await clock.time('freeze', () => all(fences, fence => freeze(d, fence)));
  failpoint(FAILPOINTS.cutoverAfterFreeze);
  await clock.ask('probe', () => all(run.sources, s => refusedAt(site, s)));
  const sources = await clock.ask('positions', () =>
    all(fences, async fence => {
      const before = sourceOf(run, fence.source);
      return { ...before, position: await fence.position() };
    }),
  );
  const positions = new Map(sources.map(s => [s.source, s.position]));
  await clock.time('drain', () => drain(d, () => site.lacks(positions)));
  await clock.ask('persist', () => all(fences, fence => fence.persist()));
  const targets = await clock.ask('targets', () => site.targetPositions());
  const begins = await turned(d, clock, targets);
  await comparedAt(d, clock, begins);
  const shut = shutGates(await clock.ask('ids', () => site.idGates()));
  if (shut.length > 0) throw new ReshardError('target-data', shutText(shut));
  // Last: what was true when it was asked must be so still.
  await clock.ask('fence', () => stillHeld(d, fences, run, positions));
  return { run: { ...run, sources, targets }, begins };
}

/**
 * Where rows of the application will be carried from. Whatever the sink has written to the targets
 * is in front of that: it must not come back to the sources. Null: there is no way back.
 */
export async function turned(
  d: Omit<AttemptDeps, 'put'>,
  clock: StepClock,
  targets: CutoverRun['targets'],
): Promise<Leg['begins'] | null> {
  const { turn } = d.site;
  if (turn === null) return null;
  return await clock.time('turn', async () => {
    const end = performance.now() + d.limits.drainSeconds * 1000;
    await drain(d, () => turn.lacks(targets));
    const late = (): ReshardError => new ReshardError('broker', 'the log has not told its ends');
    return await answered(d, turn.ends(), end, late);
  });
}

/**
 * Before anything stops: what is written on the targets comes into the log that will be carried
 * back. That sinks could write it on the other side they show all the time (services/sink/standby).
 */
export async function marked(
  d: Omit<AttemptDeps, 'put'>,
  clock: StepClock,
  id: string,
): Promise<void> {
  const { turn } = d.site;
  if (turn === null) return;
  const { markerSeconds: seconds } = d.limits;
  await clock.time('marker', async () => {
    const wait = { step: 'marker', done: 'come back', seconds, from: performance.now() } as const;
    await within(seconds * 1000, 'the marker on the targets', d.site.mark(id));
    const positions = await d.site.targetPositions();
    await waitFor(d, wait, () => turn.lacks(positions));
  });
}

/** Both logs are whole by now: what they have in front of their ends must be the same. */
export async function comparedAt(
  d: Omit<AttemptDeps, 'put'>,
  clock: StepClock,
  begins: Leg['begins'] | null,
): Promise<void> {
  const { comparer, site } = d;
  if (comparer === null) return;
  const endsOf = async (): Promise<Leg['begins']> => ({ ...(await site.ends()), ...begins });
  await clock.time('compare', () => compared(d, comparer, endsOf));
}

function legAfter({ leg, way }: AttemptDeps['before'], begins: Leg['begins']): Leg {
  const { number } = leg ?? FIRST_LEG;
  return { number: number + 1, carries: otherWay(way), isOpen: false, begins };
}

async function stillHeld(
  { site, doubts }: AttemptDeps,
  fences: readonly Fence[],
  run: CutoverRun,
  positions: ReadonlyMap<string, string>,
): Promise<void> {
  const doubt = await doubts();
  if (doubt !== null) throw new ReshardError('target-data', `no longer proven: ${doubt}`);
  const lacks = await site.lacks(positions);
  if (lacks !== null) throw new ReshardError('target', `after the drain: ${lacks}`);
  await all(fences, async fence => {
    const before = sourceOf(run, fence.source);
    await refusedAt(site, before);
    await held(fence, before.serverUuid);
  });
}

async function freeze(d: AttemptDeps, fence: Fence): Promise<void> {
  const { lockSeconds, lockTries } = d.limits;
  for (let tried = 1; ; tried++) {
    refuseStopped(d);
    if (await fence.freeze(lockSeconds)) return;
    if (tried >= lockTries) {
      const tries = `${lockTries} tries of ${lockSeconds} s`;
      const what = `a statement or LOCK TABLES of somebody kept ${fence.source} from being frozen`;
      throw new ReshardError('source', `${what} in ${tries}`, {
        remedy:
          'SHOW PROCESSLIST; on the source shows who; then `reshard cutover <job file>` again',
      });
    }
    await d.sleep(LOCK_PAUSE_MS);
  }
}

/** The server that was frozen is the one that refuses an ordinary account. */
export async function refusedAt(
  site: Pick<CutoverSite, 'probe'>,
  frozen: CutoverRun['sources'][number],
): Promise<void> {
  const { source, serverUuid } = frozen;
  const answer = await site.probe(source, frozen);
  // Where nothing moves nothing can be refused; that the fence stands is looked at all the same.
  const isDone = answer.kind === 'refused' || answer.kind === 'untried';
  if (isDone && answer.serverUuid === serverUuid) return;
  if (answer.kind === 'unclear' || answer.kind === 'locked') {
    throw new ReshardError('source', `the probe of ${source} has no clear answer: ${answer.text}`);
  }
  const what = isDone
    ? `the probe of ${source} has met another server (${answer.serverUuid})`
    : `an ordinary account can write to ${source} although it is frozen`;
  throw new ReshardError('server-setting', what);
}

/** The session that froze it has lived since: the server was not restarted. */
async function held(fence: Fence, serverUuid: string): Promise<void> {
  const now = await fence.look();
  if (now.preparedXa > 0) {
    const what = `${now.preparedXa} XA transactions of ${fence.source} were prepared meanwhile`;
    throw new ReshardError('source', what, { remedy: 'XA RECOVER; -- end them, then again' });
  }
  if (now.isFrozen && now.serverUuid === serverUuid) return;
  const why = now.why === undefined ? '' : `: ${now.why}`;
  throw new ReshardError('server-setting', `the freeze of ${fence.source} was lifted${why}`);
}

function sourceOf(run: CutoverRun, name: string): CutoverRun['sources'][number] {
  const found = run.sources.find(s => s.source === name);
  if (found === undefined) throw new ReshardError('bug', `no source ${name} in the cutover`);
  return found;
}

/** At once; ends when each has ended, so that nothing goes on beside what undoes it. */
async function all<T, R>(list: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const ended = await Promise.allSettled(list.map(work));
  return ended.map(e => {
    if (e.status === 'rejected') throw e.reason;
    return e.value;
  });
}
