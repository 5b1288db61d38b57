/**
 * `reshard ddl`: shows which tables of the sources are not as they were planned and what would be
 * done about it (show), takes added columns up so that the log goes on where it stands (apply), and
 * tells what became of all statements so far (list).
 */
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import {
  canCopy,
  changedTables,
  haltOf,
  logsOf,
  openLogs,
  requestGrowth,
  requestSkip,
} from '../command/ddl.ts';
import { type JobLink, openJob, tablesOf, timeoutMsOf } from '../command/job-handle.ts';
import { operator } from '../command/operator.ts';
import { refuseVerb } from '../cutover/verb.ts';
import { type GrowthLook, refuse } from '../phase/growth.ts';
import type { StatementHalt } from '../phase/skip.ts';
import { confirm } from './confirm.ts';
import { showDdlList } from './ddl-list.ts';
import { EXIT } from './exit-code.ts';
import { gaveUp, isOver, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson } from './output.ts';

export interface DdlCommandOptions {
  source?: string;
  tables?: string;
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
  const found: Changed[] = [];
  for (const of of links) {
    const looks = await changedTables(of, sources, tables);
    found.push(...looks.map(look => ({ link: of, look })));
  }
  if (o.json) printJson({ changed: found.map(c => factsOf(c.look)) });
  else print(`${renderDdl(found, file)}\n`);
  if (action === 'show') return EXIT.ok;
  for (const { look } of found) refuse(look);
  if (found.length === 0) return EXIT.ok;
  const what = `taking up of columns: ${found.map(c => nameOf(c.look)).join(', ')}`;
  await confirm(job.job, what, o.yes === true);
  const wait = waitOf(timeoutMs, stopSignal(), o.json === true);
  for (const { link: of, look } of found) {
    const isDone = await requestGrowth(of, look, operator(), () => isOver(wait));
    if (!isDone)
      return gaveUp(wait, 'control has not answered; `reshard status <job file>` tells why');
    if (!o.json) print(`${nameOf(look)}: taken up, the log goes on\n`);
  }
  return EXIT.ok;
}

/** A table that is another one, and the job whose log it is. */
interface Changed {
  link: JobLink;
  look: GrowthLook;
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

const nameOf = ({ plan, added, widened }: GrowthLook): string =>
  `${plan.source}: ${plan.table} (${[...added, ...widened].join(', ')})`;

interface DdlFacts {
  source: string;
  table: string;
  added: string[];
  widened: string[];
  against: string[];
  targets: GrowthLook['targets'];
}

function factsOf({ plan, added, widened, against, targets }: GrowthLook): DdlFacts {
  return { source: plan.source, table: plan.table, added, widened, against, targets };
}

/** Pure: what `reshard ddl show` prints. */
function renderDdl(found: readonly Changed[], file: string): string {
  if (found.length === 0) return 'every table of the sources is as it was planned';
  return found.map(changed => renderOne(changed, file)).join('\n\n');
}

function renderOne({ link, look }: Changed, file: string): string {
  const { plan, added, against, unfit, targets, later } = look;
  const { source, db, table } = plan;
  const came = cameTo(look);
  const lines = [`${source}: ${db}.${table} ${came} since it was planned`];
  const where = `--source ${source} --tables ${table}`;
  if (against.length === 0) {
    lines.push(
      added.length === 0
        ? '  can be taken up: rows from before keep their values; the log'
        : '  can be taken up: rows from before have NULL there, or the constant of the statement; the log',
      '  goes on at the place of the ALTER, the value schema gets a new version, nothing is copied',
      ...(later.length > 0 ? [`  has got ${later.join(', ')} too: at statements to come`] : []),
      ...altersOf(look),
      `  ${thenOf(targets)}: reshard ddl apply ${file} ${where}`,
    );
    return lines.join('\n');
  }
  lines.push(...against.map(why => `  cannot be taken up: ${why}`));
  if (unfit.length > 0) return [...lines, '  undo it at the source, or make a new job'].join('\n');
  if (!canCopy(link)) {
    return [
      ...lines,
      `  undo it on ${source}, then: reshard ddl skip ${file} --source ${source}`,
      '  what cannot be undone ends the way back: the application stays where it is',
    ].join('\n');
  }
  lines.push(
    '  can be copied as it is now, once its reader has halted there, or be undone at the source',
    ...altersOf(look),
    `  ${thenOf(targets)}: reshard recopy ${file} ${where}`,
  );
  return lines.join('\n');
}

function cameTo({ added, widened }: GrowthLook): string {
  const came = added.length === 0 ? [] : [`has got ${added.join(', ')}`];
  const wider = widened.length === 0 ? [] : [`has ${widened.join(', ')} wider`];
  return [...came, ...wider].join(' and ') || 'is another one';
}

const thenOf = (targets: GrowthLook['targets']): string => (targets.length > 0 ? 'then' : 'now');

function altersOf({ targets }: GrowthLook): string[] {
  if (targets.length === 0) return [];
  const alters = targets.map(({ target, what, sql }) => `    ${target}: ${sql ?? what}`);
  return ['  first, where rows go to:', ...alters];
}
