/**
 * `reshard ddl` as a use case: which tables of the sources are not as they were planned, what can be
 * done about each, and the request to take added columns up.
 */
import { isReturnJob, returnJob } from '../../../shared/job/return-job.ts';
import type { DroppedWord, GrowthRequest } from '../../../shared/job/state/ddl-request.ts';
import { type LeftColumn, leftColumns } from '../../../shared/job/state/dropped-column.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { passageOf, refusal } from '../cutover/verb.ts';
import { GrownTables } from '../phase/grown-table.ts';
import { type GrowthLook, lookAtTable } from '../phase/growth.ts';
import { filledTargets } from '../phase/growth-target.ts';
import type { StatementHalt } from '../phase/skip.ts';
import { answerTo } from './answer.ts';
import { openWayBack } from './cutover.ts';
import type { JobLink } from './job-handle.ts';

/**
 * The job, and its way back if it has one that is prepared: both logs meet what is changed at their
 * servers, whichever way rows are carried.
 */
export async function openLogs(link: JobLink): Promise<{ back: JobLink | null; all: JobLink[] }> {
  const { job, kafka } = link;
  const way = returnJob(job);
  const topics = way === null ? [] : await (await kafka.admin()).listTopics();
  // A job file that asks for one now: control prepares it when it starts again.
  const isThere = way !== null && topics.includes(reportTopic(way.job));
  const back = isThere ? await openWayBack(link) : null;
  return { back, all: back === null ? [link] : [link, back] };
}

/** Those whose log is of the source; all of them where none is named. */
export function logsOf(links: readonly JobLink[], source: string | undefined): JobLink[] {
  if (source === undefined) return [...links];
  const of = links.filter(({ job }) => job.sources.some(s => s.name === source));
  if (of.length > 0) return of;
  const known = links.flatMap(({ job }) => job.sources.map(s => s.name));
  throw new ReshardError('config', `--source ${source}: the job has no such source`, {
    remedy: `one of: ${known.join(', ')}`,
  });
}

/** Whether a table can be copied anew: not on the way back, nor while the application is there. */
export function canCopy({ job, ruling }: Pick<JobLink, 'job' | 'ruling'>): boolean {
  return !isReturnJob(job) && refusal('recopy', passageOf(ruling)) === null;
}

/** All changed tables of these sources; an empty list is all of them. */
export async function changedTables(
  link: JobLink,
  sources: readonly string[],
  tables: readonly string[],
): Promise<GrowthLook[]> {
  const { job, view, ruling, log } = link;
  const halts = haltsOf(link);
  const found: GrowthLook[] = [];
  for (const source of job.sources) {
    if (sources.length > 0 && !sources.includes(source.name)) continue;
    for (const { name } of job.tables) {
      if (tables.length > 0 && !tables.includes(name)) continue;
      const halt = halts.list().find(h => h.source === source.name && h.table === name) ?? null;
      const at = { halt, only: false };
      const look = await lookAtTable({ job, view, ruling, log }, source, name, at);
      if (look === null) continue;
      // A copy writes over it; what is taken up does not.
      const filled = look.against.length > 0 ? [] : await filledTargets(link, look);
      found.push({ ...look, targets: [...look.targets, ...filled] });
    }
  }
  return found;
}

/** Asks control to take the columns up, and waits for its answer; false when the time is up. */
export async function requestGrowth(
  link: JobLink,
  asked: Pick<GrowthRequest, 'source' | 'table' | 'dropped' | 'columns'>,
  by: string,
  isOver: () => boolean,
): Promise<boolean> {
  const id = requestId('growth');
  await link.requests.growth({ id, requestedMs: Date.now(), by, ...asked });
  return await isAnswered(link, id, 'apply', isOver);
}

/** What sources have dropped, and the targets may have; of these sources and tables, or of all. */
export function leftOf(
  { view }: JobLink,
  sources: readonly string[],
  tables: readonly string[],
): LeftColumn[] {
  const isOf = ({ table, column }: LeftColumn): boolean =>
    sources.length === 0 ||
    [...view.plans.values()].some(
      p => p.table === table && sources.includes(p.source) && isDropped(p, column),
    );
  return leftColumns(view).filter(
    c => (tables.length === 0 || tables.includes(c.table)) && isOf(c),
  );
}

const isDropped = ({ dropped = [] }: TablePlan, column: string): boolean =>
  dropped.some(d => d.column === column);

/**
 * Pure: columns that were dropped before and are to have another word than they have. A word about
 * a table at which a log stands (`taken`) is about what is dropped there alone.
 */
export function reworded(
  { view }: Pick<JobLink, 'view'>,
  o: {
    sources: readonly string[];
    tables: readonly string[];
    word: DroppedWord | '';
    taken: readonly string[];
  },
): { source: string; table: string; dropped: DroppedWord; columns: string[] }[] {
  const { sources, tables, word, taken } = o;
  if (word === '') return [];
  return [...view.plans.values()].flatMap(({ source, table, dropped = [] }) => {
    const isMeant =
      (sources.length === 0 || sources.includes(source)) &&
      (tables.length === 0 || tables.includes(table)) &&
      !taken.includes(table);
    const others = dropped.filter(d => d.keep !== (word === 'keep')).map(d => d.column);
    return isMeant && others.length > 0 ? [{ source, table, dropped: word, columns: others }] : [];
  });
}

/** Tells control that the statement has changed no row; false when the time is up. */
export async function requestSkip(
  link: JobLink,
  { source, gtid }: StatementHalt,
  by: string,
  isOver: () => boolean,
): Promise<boolean> {
  const id = requestId('skip');
  await link.requests.skip({ id, requestedMs: Date.now(), by, source, gtid });
  return await isAnswered(link, id, 'skip', isOver);
}

/** The statement at which the log of a source stands. */
export function haltOf(link: JobLink, source: string): StatementHalt {
  const halt = haltsOf(link).haltOf(source);
  if (halt !== null) return halt;
  throw new ReshardError('config', `the log of ${source} stands at no statement`, {
    remedy: '`reshard ddl list <job file>` shows what logs stand at',
  });
}

function haltsOf({ reports }: JobLink): GrownTables {
  const halts = new GrownTables();
  for (const report of reports.values()) halts.note(report);
  return halts;
}

async function isAnswered(
  link: JobLink,
  id: string,
  action: string,
  isOver: () => boolean,
): Promise<boolean> {
  const answer = await answerTo(link, id, isOver);
  if (answer?.error) {
    throw new ReshardError('schema-changed', `control refused it: ${answer.error}`, {
      remedy: `cure what the message names, then \`reshard ddl ${action} <job file>\` again`,
    });
  }
  return answer !== null;
}
