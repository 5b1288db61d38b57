/**
 * `reshard ddl`: shows which tables of the sources are not as they were planned and what would be
 * done about it (show), takes changes of columns up so that the log goes on where it stands
 * (apply), and tells what became of all statements so far (list).
 */
import { standsBy } from '../../../shared/job/state/cutover.ts';
import type { DroppedWord } from '../../../shared/job/state/ddl-request.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import {
  canCopy,
  changedTables,
  haltOf,
  leftOf,
  logsOf,
  openLogs,
  requestGrowth,
  requestSkip,
  reworded,
} from '../command/ddl.ts';
import { type JobLink, openJob, tablesOf, timeoutMsOf } from '../command/job-handle.ts';
import { operator } from '../command/operator.ts';
import { refuseVerb } from '../cutover/verb.ts';
import { refuseWord, standingWord } from '../phase/dropped-column.ts';
import { refuse } from '../phase/growth.ts';
import type { StatementHalt } from '../phase/skip.ts';
import { confirm } from './confirm.ts';
import { showDdlList } from './ddl-list.ts';
import { type Changed, factsOf, nameOf, renderDdl } from './ddl-show.ts';
import { EXIT } from './exit-code.ts';
import { gaveUp, isOver, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson } from './output.ts';

export interface DdlCommandOptions {
  source?: string;
  tables?: string;
  /** What becomes of dropped columns on the targets. */
  drop?: boolean;
  keep?: boolean;
  yes?: boolean;
  json?: boolean;
  timeout: string;
}

export async function ddlCommand(
  action: string,
  file: string,
  o: DdlCommandOptions,
): Promise<number> {
  if (action !== 'show' && action !== 'apply' && action !== 'list' && action !== 'skip') {
    throw new ReshardError('config', `reshard ddl ${action}: there is no such action`, {
      remedy: 'list, show, apply, or skip',
    });
  }
  const job = await readJob(file);
  const timeoutMs = timeoutMsOf(o.timeout);
  await using link = await openJob(job, 'ddl');
  const logs = await openLogs(link);
  await using _ = logs.back;
  const links = logsOf(logs.all, o.source);
  const sources = o.source === undefined ? [] : [o.source];
  const tables = tablesOf(link.job, o.tables);
  if (action === 'apply' || action === 'skip') refuseVerb('ddl-change', link.view);
  if (action === 'list') {
    return await showDdlList(links, { source: o.source, tables, json: o.json === true });
  }
  if (action === 'skip') return await skip(links[0] ?? link, o, { name: job.job, timeoutMs });
  const word = wordOf(o);
  const found: Changed[] = [];
  for (const of of links) {
    const looks = await changedTables(of, sources, tables);
    found.push(...looks.map(look => ({ link: of, look })));
  }
  const left = links.flatMap(of => leftOf(of, sources, tables));
  if (o.json) printJson({ changed: found.map(c => factsOf(c.look)), left });
  else print(`${renderDdl({ found, left }, file)}\n`);
  if (action === 'show') return EXIT.ok;
  const taken = found.flatMap(({ look }) => (look.removed.length > 0 ? [look.plan.table] : []));
  const again = links.flatMap(of => rewordedOf(of, { sources, tables, word, taken }));
  const asked = found.map(changed => askedFor(changed, word));
  // What was said about a table holds until another word names the table.
  if (tables.length > 0) asked.push(...again);
  else if (asked.length === 0 && again.length > 0) throw unnamed(again);
  for (const { look } of found) refuse(look);
  if (asked.length === 0) return EXIT.ok;
  const lost = asked.some(a => a.dropped === 'drop') ? ', and what is in dropped ones is lost' : '';
  const what = `taking up of columns: ${asked.map(a => a.name).join(', ')}${lost}`;
  await confirm(job.job, what, o.yes === true);
  const wait = waitOf(timeoutMs, stopSignal(), o.json === true);
  for (const { name, link: of, ...growth } of asked) {
    const isDone = await requestGrowth(of, growth, operator(), () => isOver(wait));
    if (!isDone)
      return gaveUp(wait, 'control has not answered; `reshard status <job file>` tells why');
    const done = growth.columns === undefined ? 'taken up, the log goes on' : 'so it is said now';
    if (!o.json) print(`${name}: ${done}\n`);
  }
  return EXIT.ok;
}

/** What is asked of control. */
interface Asked {
  link: JobLink;
  name: string;
  source: string;
  table: string;
  dropped: DroppedWord | '';
  /** Of those that were dropped before; none: what the log stands at. */
  columns?: string[];
}

/** Throws where columns were dropped, and what becomes of them was not said. */
function askedFor({ link, look }: Changed, word: DroppedWord | ''): Asked {
  const { job, ruling } = link;
  const { plan, removed } = look;
  const spoken = word || (standingWord(job, standsBy(job, ruling.cutoverRun)) ?? '');
  refuseWord(job, removed, spoken);
  const dropped = removed.length > 0 ? spoken : '';
  return { link, name: nameOf(look), source: plan.source, table: plan.table, dropped };
}

function rewordedOf(link: JobLink, o: Parameters<typeof reworded>[1]): Asked[] {
  return reworded(link, o).map(place => {
    const { source, table, columns, dropped } = place;
    const name = `${source}: ${table} (${columns.join(', ')}, dropped before: ${dropped})`;
    return { link, name, ...place };
  });
}

function unnamed(again: readonly Asked[]): ReshardError {
  const tables = [...new Set(again.map(a => a.table))].join(',');
  return new ReshardError('config', 'no log stands at a drop, and what was said before holds', {
    remedy: `another word about what was dropped before: --tables ${tables}`,
  });
}

function wordOf({ drop, keep }: DdlCommandOptions): DroppedWord | '' {
  if (drop && keep) throw new ReshardError('config', 'ddl apply: --drop or --keep, not both');
  if (drop) return 'drop';
  return keep ? 'keep' : '';
}

/** The operator's word that the statement at which a source's log stands has changed no row. */
async function skip(
  link: JobLink,
  o: DdlCommandOptions,
  { name, timeoutMs }: { name: string; timeoutMs: number },
): Promise<number> {
  if (o.source === undefined) {
    throw new ReshardError('config', 'ddl skip: --source says whose log is to go on');
  }
  const { job } = link;
  const halt = haltOf(link, o.source);
  const tables = halt.table === null ? job.tables.map(t => t.name) : [halt.table];
  const changed = await changedTables(link, [o.source], tables);
  if (changed.length > 0) {
    const names = changed.map(c => c.plan.table).join(', ');
    throw new ReshardError('schema-changed', `not as planned any more: ${names}`, {
      remedy: '`reshard ddl show <job file>` says what has come, and the ways on',
    });
  }
  if (o.json !== true) print(`${renderSkip(halt, tables, canCopy(link))}\n`);
  await confirm(name, `passing over of the statement ${halt.gtid}`, o.yes === true);
  const wait = waitOf(timeoutMs, stopSignal(), o.json === true);
  const isDone = await requestSkip(link, halt, operator(), () => isOver(wait));
  if (!isDone) {
    return gaveUp(wait, 'control has not answered; `reshard status <job file>` tells why');
  }
  if (o.json) printJson({ skipped: halt });
  else
    print(`${halt.source}: the log goes on behind it; \`reshard verify <job file>\` proves it\n`);
  return EXIT.ok;
}

/** Pure. */
function renderSkip(
  { source, gtid }: StatementHalt,
  tables: readonly string[],
  mayCopy: boolean,
): string {
  return [
    `${source}: the statement ${gtid} is passed over, as if it had changed no row of ${tables.join(', ')}`,
    '  rows that it did change or remove stay on the other side as they are, and in the topics;',
    '  the tables are in doubt until `reshard verify <job file>` has proved them;',
    mayCopy
      ? '  `reshard recopy <job file>` is the way that needs nobody to know what it did'
      : '  nothing compares both sides before the application is on the sources again',
  ].join('\n');
}
