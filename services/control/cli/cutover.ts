/**
 * `reshard cutover`, `reshard rollback`, `reshard cancel`, `reshard finish`: asks control, and watches. Ctrl-C, or the
 * time limit, of a cutover asks control to undo it, and waits for what becomes of that: nobody
 * should have to guess whether the sources are frozen.
 */
import { isOver, mustBeFrozen, type Way } from '../../../shared/job/state/cutover.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import {
  type CutoverOutcome,
  type CutoverPlan,
  followCutover,
  openWayBack,
  planCutover,
  requestCutover,
  waitForGates,
} from '../command/cutover.ts';
import { type JobLink, openJob, timeoutMsOf } from '../command/job-handle.ts';
import { isCompared } from '../cutover/compare.ts';
import { promisedStopSeconds } from '../cutover/step.ts';
import { confirm } from './confirm.ts';
import {
  concerned,
  NO_WAY_BACK_SHORT,
  outcomeText,
  planText,
  progressLine,
  rehearsalText,
  waitLine,
} from './cutover-text.ts';
import { EXIT } from './exit-code.ts';
import { follow, gaveUp, type Wait, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson, tell } from './output.ts';

export interface CutoverOptions {
  dryRun?: boolean;
  rehearse?: boolean;
  yes?: boolean;
  json?: boolean;
  timeout: string;
  /** For how long gates may be waited for, in seconds. */
  wait?: string;
}

/** To undo takes a moment for each source; longer when one is away. */
const UNDO_MS = 120_000;

export async function cutoverCommand(file: string, o: CutoverOptions): Promise<number> {
  const job = await readJob(file);
  await using link = await openJob(job, 'cutover');
  if (!o.rehearse) return await gone(link, 'over', o);
  const stop = o.wait === undefined ? null : stopSignal();
  if (stop !== null) {
    await using back = await openWayBack(link);
    const plan = await planned(link, back, 'over', { ...o, stop });
    if (typeof plan === 'number') return plan;
    if (!plan.canGo) return refused(job.job, plan, o);
  }
  const timeoutMs = timeoutMsOf(o.timeout);
  return await rehearsed(link, waitOf(timeoutMs, stop ?? stopSignal(), o.json === true));
}

/** The same machine, with sources and targets in each other's place. */
export async function rollbackCommand(
  file: string,
  o: Omit<CutoverOptions, 'rehearse'>,
): Promise<number> {
  const job = await readJob(file);
  if (job.cutover.back === undefined) {
    throw new ReshardError('config', 'there is no way back: the job file has no `cutover.back`', {
      remedy: 'docs/CUTOVER.md says what it needs, and what can be done by hand',
    });
  }
  await using link = await openJob(job, 'rollback');
  return await gone(link, 'back', o);
}

async function gone(link: JobLink, way: Way, o: CutoverOptions): Promise<number> {
  const { job } = link.job;
  const timeoutMs = timeoutMsOf(o.timeout);
  // One for all that is waited for: who has stopped the command is not asked again.
  const stop = o.wait === undefined ? null : stopSignal();
  // A rerun finishes what has a journal.
  const run = link.view.cutoverRun;
  if (!mustBeFrozen(run) || run?.way !== way || o.dryRun) {
    await using back = await openWayBack(link);
    const plan = await planned(link, back, way, { ...o, stop });
    if (typeof plan === 'number') return plan;
    if (!plan.canGo) return refused(job, plan, o);
    if (!o.json) print(`${planText(job, plan)}\n`);
    else if (o.dryRun) printJson(plan);
    if (o.dryRun) return EXIT.ok;
    const word = way === 'over' ? 'cutover' : 'rollback';
    const question = `${word} of ${job}${plan.hasWayBack ? '' : `. ${NO_WAY_BACK_SHORT}`}`;
    await confirm(job, question, o.yes === true, stop);
  }
  const wait = waitOf(timeoutMs, stop ?? stopSignal(), o.json === true);
  if (wait.signal.aborted) return gaveUp(wait, UNTOUCHED);
  const id = await requestCutover(link, way === 'over' ? 'begin' : 'rollback');
  const outcome = (await watched(link, id, wait)) ?? (await undone(link, id, wait));
  if (outcome === null) return gaveUp(wait, UNKNOWN);
  return shown(link, outcome, id, wait);
}

/**
 * What would be done, once gates that open by themselves have opened, or the time for that is over;
 * an exit code when the user has stopped it. Nothing has been asked of control by then.
 */
async function planned(
  link: JobLink,
  back: JobLink | null,
  way: Way,
  { wait: seconds, stop, json }: CutoverOptions & { stop: AbortSignal | null },
): Promise<CutoverPlan | number> {
  const plan = (): Promise<CutoverPlan> => planCutover(link, back, way);
  if (seconds === undefined || stop === null) return await plan();
  return await opened(link, plan, waitOf(timeoutMsOf(seconds, '--wait'), stop, json === true));
}

/** As `planned`: gates that are seen open when the user has stopped the command open nothing. */
export async function opened(
  link: Pick<JobLink, 'failed' | 'status'>,
  plan: () => Promise<CutoverPlan>,
  wait: Wait,
): Promise<CutoverPlan | number> {
  const seen: { last: CutoverPlan | null } = { last: null };
  const draw = (now: CutoverPlan): string => {
    seen.last = now;
    return waitLine(now);
  };
  const last = await follow(link, waitForGates(plan), wait, draw);
  if (wait.signal.aborted) return gaveUp(wait, UNTOUCHED);
  return last ?? seen.last ?? (await plan());
}

function refused(job: string, plan: CutoverPlan, { json }: CutoverOptions): number {
  if (json) printJson(plan);
  else print(`${planText(job, plan)}\n`);
  return EXIT.shut;
}

async function rehearsed(link: JobLink, wait: Wait): Promise<number> {
  const outcome = await watched(link, await requestCutover(link, 'rehearse'), wait);
  if (outcome === null) {
    return gaveUp(wait, 'the rehearsal goes on; `reshard status <job file>` will show it');
  }
  const { error } = outcome.answer;
  const { list = [], stops = [] } = (error === null ? link.view.rehearsals : null) ?? {};
  const besides = {
    turns: link.job.cutover.back !== undefined,
    compares: isCompared(link.job, link.view.cutoverRun, 'over'),
  };
  const stop = promisedStopSeconds(link.job, besides);
  if (wait.quiet) printJson({ rehearsals: list, stops, promisedStopSeconds: stop, error });
  else print(`${error ?? rehearsalText({ list, stops }, stop)}\n`);
  return error === null ? EXIT.ok : EXIT.shut;
}

const UNTOUCHED = 'nothing was asked for, nothing was touched';

const UNKNOWN =
  'control has not answered: `reshard status <job file>` says whether the sources are frozen. A ' +
  'control that leads undoes what is half way; docs/CUTOVER.md says how it is done by hand';

/** Null when the time is up or the user stops it. */
function watched(link: JobLink, id: string, wait: Wait): Promise<CutoverOutcome | null> {
  return follow(link, followCutover(link, id), wait, progressLine, { services: ['control'] });
}

/** What becomes of a cutover that is no longer wanted. */
async function undone(link: JobLink, id: string, { quiet }: Wait): Promise<CutoverOutcome | null> {
  tell('reshard: asks control to undo the cutover, and waits for that\n');
  await requestCutover(link, 'cancel');
  return watched(link, id, waitOf(UNDO_MS, new AbortController().signal, quiet));
}

function shown(
  { view }: Pick<JobLink, 'view'>,
  outcome: CutoverOutcome,
  id: string,
  { signal, quiet }: Wait,
): number {
  const { answer } = outcome;
  const own = concerned(outcome, id);
  const measured = view.rehearsals?.stops.find(s => s.id === own?.id) ?? null;
  if (quiet) printJson({ run: own, forecast: measured?.forecast ?? [], error: answer.error });
  else print(`${outcomeText(outcome, own, measured)}\n`);
  if (answer.error === null) return EXIT.ok;
  if (own === null && !signal.aborted) return EXIT.shut;
  return signal.aborted && own?.journalMs == null ? EXIT.stopped : EXIT.failed;
}

export interface CancelOptions {
  json?: boolean;
  timeout: string;
}

export async function cancelCommand(file: string, o: CancelOptions): Promise<number> {
  await using link = await openJob(await readJob(file), 'cancel');
  const wait = waitOf(timeoutMsOf(o.timeout), stopSignal(), o.json === true);
  const outcome = await watched(link, await requestCutover(link, 'cancel'), wait);
  return told(outcome, wait, 'no cutover is under way, and none holds the sources frozen');
}

export interface FinishOptions extends CancelOptions {
  releaseSources?: boolean;
  releaseTargets?: boolean;
  yes?: boolean;
}

export async function finishCommand(file: string, o: FinishOptions): Promise<number> {
  const job = await readJob(file);
  await using link = await openJob(job, 'finish');
  const isBack = !isOver(link.view.cutoverRun);
  const [left, asked, other] = isBack
    ? ['targets', o.releaseTargets, o.releaseSources]
    : ['sources', o.releaseSources, o.releaseTargets];
  if (other === true) {
    const where = isBack ? 'sources, which take writes' : 'targets, which take writes';
    throw new ReshardError('config', `the application is on the ${where} already`, {
      remedy: `--release-${left} lets the ${left} take writes again`,
    });
  }
  const release = asked === true;
  const become = release ? 'take writes again' : isBack ? 'stay read_only' : 'stay frozen';
  const stays = isBack ? 'the application stays on the sources, and ' : '';
  await confirm(job.job, `finish of ${job.job}; ${stays}its ${left} ${become}`, o.yes === true);
  const wait = waitOf(timeoutMsOf(o.timeout), stopSignal(), o.json === true);
  const outcome = await watched(link, await requestCutover(link, 'finish', release), wait);
  const undone = release ? (outcome?.run?.why ?? '') : '';
  const but = undone === '' ? '' : `\nBUT ${undone}`;
  return told(outcome, wait, `finished; the ${left} ${become}; no table was dropped${but}`);
}

function told(outcome: CutoverOutcome | null, wait: Wait, done: string): number {
  if (outcome === null) return gaveUp(wait, UNKNOWN);
  const { run, answer } = outcome;
  if (wait.quiet) printJson({ run, error: answer.error });
  else print(`${answer.error ?? done}\n`);
  return answer.error === null ? EXIT.ok : EXIT.failed;
}
