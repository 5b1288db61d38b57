/**
 * `reshard recopy`: copies tables of a source anew through the same topics, after the binlog was
 * lost or something in it could not be replayed. Rows overwrite; what was deleted meanwhile is
 * found by the check and deleted by the repair that are part of the command.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { RecopyRequest } from '../../../shared/job/state/job-view.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { type JobLink, openJob, tablesOf, tellPaused, timeoutMsOf } from '../command/job-handle.ts';
import { hasBinlogGap } from '../phase/binlog-gap.ts';
import { checkExit, gaveUp, isOver, type Wait, waitOf } from './check-run.ts';
import { confirm } from './confirm.ts';
import { readJob } from './job-file.ts';
import { checkResult, repairedText, repairUntilEqual } from './repair.ts';
import { renderCheck } from './verify-text.ts';

const LOOK_MS = 250;
/** A check lists at most a thousand keys, so that many are repaired in a round. */
const REPAIR_ROUNDS_MAX = 50;

export interface RecopyCommandOptions {
  source: string;
  tables?: string;
  yes?: boolean;
  json?: boolean;
  timeout: string;
}

export async function recopyCommand(file: string, o: RecopyCommandOptions): Promise<number> {
  const job = await readJob(file);
  const timeoutMs = timeoutMsOf(o.timeout);
  const quiet = o.json === true;
  await using link = await openJob(job, 'recopy');
  const request = await requestOf(link, o.source, tablesOf(job, o.tables));
  const others = unproven(job, request);
  const say = (text: string): void => {
    if (!quiet) process.stderr.write(`${text}\n`);
  };
  say(meaning(request));
  if (others.length > 0) {
    say(`NOT copied and unproven until a check (reshard verify): ${others.join(', ')}`);
  }
  const what = `recopy of ${request.tables.join(', ')} from ${request.source}`;
  await confirm(job.job, what, o.yes === true);
  tellPaused(link);
  const wait = waitOf(timeoutMs, stopSignal(), quiet);
  await link.requests.recopy(request);
  if (!(await copied(link, request, wait, say))) {
    return gaveUp(wait, 'not copied yet; it goes on (`reshard status`), then `reshard verify`');
  }
  const { report, repaired } = await repairUntilEqual(
    link,
    request.tables,
    REPAIR_ROUNDS_MAX,
    wait,
  );
  if (report === null) return gaveUp(wait, 'copied, but there is no verdict yet');
  if (quiet) {
    const check = report.state === 'finished' ? checkResult(report) : null;
    process.stdout.write(`${JSON.stringify({ request, repaired, unproven: others, check })}\n`);
  } else {
    process.stdout.write(`${repairedText(repaired)}\n${renderCheck(report)}\n`);
    if (others.length > 0) say(`still unproven: ${others.join(', ')} (reshard verify)`);
  }
  return checkExit(report);
}

/**
 * What has to be done is decided by what keeps the source's reader. It goes on from now (`jump`)
 * if it cannot go on from where it was; it passes over changes of the copied tables only (`skip`)
 * if one of them is what it cannot carry; and if it is well, it misses nothing.
 */
async function requestOf(link: JobLink, source: string, named: string[]): Promise<RecopyRequest> {
  const { job, progress, reports } = link;
  if (!progress.has(source)) {
    throw new ReshardError('config', `--source ${source}: the job has no such source`, {
      remedy: `one of: ${job.sources.map(s => s.name).join(', ')}`,
    });
  }
  const gtid = progress.get(source)?.resume?.gtid;
  const isGap = gtid !== undefined && (await hasBinlogGap(job, source, gtid));
  const reader = reports.get(`binlog/${source}`);
  const isHalted = reader?.state === 'halted';
  const isLost = isHalted && /^(position-lost|history-changed)/.test(reader.error ?? '');
  const jump = isGap || isLost || (isHalted && named.length === 0);
  return {
    id: `recopy-${new Date().toISOString().replace(/[^0-9]/g, '')}`,
    requestedMs: Date.now(),
    source,
    tables: named.length > 0 ? named : job.tables.map(t => t.name),
    jump,
    skip: isHalted && !jump,
  };
}

function meaning({ source, tables, jump, skip }: RecopyRequest): string {
  const how = jump
    ? 'The binlog in between is not read: the log goes on from now.'
    : skip
      ? 'Changes of these tables up to now are passed over in the binlog; other tables miss nothing.'
      : 'The binlog is read on as before.';
  return `${tables.join(', ')} of ${source} will be copied anew. ${how}`;
}

/** Tables whose changes may be in the gap and that are not copied. */
function unproven(job: Job, { jump, tables }: RecopyRequest): string[] {
  return jump ? job.tables.map(t => t.name).filter(name => !tables.includes(name)) : [];
}

/** Waits until every range of the new generation is in the log; false when the time is up. */
async function copied(
  { view, progress }: JobLink,
  { id, source, tables }: RecopyRequest,
  wait: Wait,
  say: (text: string) => void,
): Promise<boolean> {
  let said = '';
  while (!isOver(wait)) {
    const recopy = view.recopies.get(id);
    if (recopy?.error) {
      throw new ReshardError('schema-changed', `control refused the recopy: ${recopy.error}`);
    }
    const plans = view.plansOf(source).filter(p => tables.includes(p.table) && p.recopy === id);
    const open = plans.filter(p => !progress.get(source)?.isCopied(p)).map(p => p.table);
    if (recopy?.plannedMs && open.length === 0) return true;
    const line = recopy?.plannedMs ? `copying: ${open.join(', ')}` : 'waiting for control';
    if (line !== said) say(line);
    said = line;
    await sleep(LOOK_MS, wait.signal);
  }
  return false;
}
