/**
 * `reshard ddl`: shows which tables of the sources are not as they were planned and what would be
 * done about it (show), takes added columns up so that the log goes on where it stands (apply), and
 * tells what became of all statements so far (list).
 */
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { changedTables, refuseUnknown, requestGrowth } from '../command/ddl.ts';
import { openJob, tablesOf, timeoutMsOf } from '../command/job-handle.ts';
import { operator } from '../command/operator.ts';
import { type GrowthLook, refuse } from '../phase/growth.ts';
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
  if (action !== 'show' && action !== 'apply' && action !== 'list') {
    throw new ReshardError('config', `reshard ddl ${action}: there is no such action`, {
      remedy: 'list, show, or apply',
    });
  }
  const job = await readJob(file);
  const timeoutMs = timeoutMsOf(o.timeout);
  await using link = await openJob(job, 'ddl');
  const sources = o.source === undefined ? [] : [o.source];
  const tables = tablesOf(link.job, o.tables);
  refuseUnknown(link, sources);
  if (action === 'list') {
    return await showDdlList(link, { source: o.source, tables, json: o.json === true });
  }
  const found = await changedTables(link, sources, tables);
  if (o.json) printJson({ changed: found.map(factsOf) });
  else print(`${renderDdl(found, file)}\n`);
  if (action === 'show') return EXIT.ok;
  for (const look of found) refuse(look);
  if (found.length === 0) return EXIT.ok;
  const what = `taking up of columns: ${found.map(nameOf).join(', ')}`;
  await confirm(job.job, what, o.yes === true);
  const wait = waitOf(timeoutMs, stopSignal(), o.json === true);
  for (const look of found) {
    const isDone = await requestGrowth(link, look, operator(), () => isOver(wait));
    if (!isDone)
      return gaveUp(wait, 'control has not answered; `reshard status <job file>` tells why');
    if (!o.json) print(`${nameOf(look)}: taken up, the log goes on\n`);
  }
  return EXIT.ok;
}

const nameOf = ({ plan, added }: GrowthLook): string =>
  `${plan.source}: ${plan.table} (${added.join(', ')})`;

interface DdlFacts {
  source: string;
  table: string;
  added: string[];
  against: string[];
  targets: GrowthLook['targets'];
}

function factsOf({ plan, added, against, targets }: GrowthLook): DdlFacts {
  return { source: plan.source, table: plan.table, added, against, targets };
}

/** Pure: what `reshard ddl show` prints. */
function renderDdl(found: readonly GrowthLook[], file: string): string {
  if (found.length === 0) return 'every table of the sources is as it was planned';
  return found.map(look => renderOne(look, file)).join('\n\n');
}

function renderOne(look: GrowthLook, file: string): string {
  const { plan, added, against, unfit, targets, later } = look;
  const { source, db, table } = plan;
  const came = added.length === 0 ? 'is another one' : `has got ${added.join(', ')}`;
  const lines = [`${source}: ${db}.${table} ${came} since it was planned`];
  const where = `--source ${source} --tables ${table}`;
  if (against.length === 0) {
    lines.push(
      '  can be taken up: rows from before have NULL there, or the constant of the statement; the log',
      '  goes on at the place of the ALTER, the value schema gets a new version, nothing is copied',
      ...(later.length > 0 ? [`  has got ${later.join(', ')} too: at statements to come`] : []),
      ...altersOf(look),
      `  ${thenOf(targets)}: reshard ddl apply ${file} ${where}`,
    );
    return lines.join('\n');
  }
  lines.push(...against.map(why => `  cannot be taken up: ${why}`));
  if (unfit.length > 0) return [...lines, '  undo it at the source, or make a new job'].join('\n');
  lines.push(
    '  can be copied as it is now, once its reader has halted there, or be undone at the source',
    ...altersOf(look),
    `  ${thenOf(targets)}: reshard recopy ${file} ${where}`,
  );
  return lines.join('\n');
}

const thenOf = (targets: GrowthLook['targets']): string => (targets.length > 0 ? 'then' : 'now');

function altersOf({ targets }: GrowthLook): string[] {
  if (targets.length === 0) return [];
  const alters = targets.map(({ target, what, sql }) => `    ${target}: ${sql ?? what}`);
  return ['  first, on the targets:', ...alters];
}
