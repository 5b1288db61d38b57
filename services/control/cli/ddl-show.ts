/** How `reshard ddl show` prints what has come to tables, what has gone, and the ways on. */
import {
  holdersOf,
  type LeftColumn,
  leftColumns,
} from '../../../shared/job/state/dropped-column.ts';
import { canCopy } from '../command/ddl.ts';
import type { JobLink } from '../command/job-handle.ts';
import { isKeepable } from '../phase/dropped-column.ts';
import type { GrowthLook } from '../phase/growth.ts';

export const nameOf = ({ plan, added, widened, removed }: GrowthLook): string =>
  `${plan.source}: ${plan.table} (${[...added, ...widened, ...removed].join(', ')})`;

export interface DdlFacts {
  source: string;
  table: string;
  added: string[];
  widened: string[];
  removed: string[];
  against: string[];
  targets: GrowthLook['targets'];
}

export function factsOf(look: GrowthLook): DdlFacts {
  const { plan, added, widened, removed, against, targets } = look;
  return { source: plan.source, table: plan.table, added, widened, removed, against, targets };
}

/** Pure: what `reshard ddl show` prints. */
export function renderDdl(o: DdlShown, file: string): string {
  const { found, left } = o;
  const parts = found.map(changed => renderOne(changed, file));
  if (found.length === 0) parts.push('every table of the sources is as it was planned');
  return [...parts, ...left.map(c => renderLeft(c, file))].join('\n\n');
}

/** A table that is another one, and the job whose log it is. */
export interface Changed {
  link: JobLink;
  look: GrowthLook;
}

interface DdlShown {
  found: readonly Changed[];
  /** What sources have dropped, and the targets may have. */
  left: readonly LeftColumn[];
}

function renderLeft({ table, column, keep, holders }: LeftColumn, file: string): string {
  const other = `reshard ddl apply ${file} --tables ${table}`;
  const name = `${table}.${column}: dropped at a source`;
  if (keep) {
    return [
      `${name}, kept on the targets; rows of sources without it have there what a target gives them`,
      `  to drop it on the targets with all that is in it: ${other} --drop`,
    ].join('\n');
  }
  const waits =
    holders.length === 0
      ? '  control drops it on the targets now'
      : `  the targets lose it when ${holders.join(', ')} drop it too; nothing waits for that`;
  return [name, waits, `  to keep it on the targets: ${other} --keep`].join('\n');
}

function renderOne({ link, look }: Changed, file: string): string {
  const { plan, added, removed, against, unfit, targets, later } = look;
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
      ...fatesOf(look, link),
      `  ${thenOf(targets)}: reshard ddl apply ${file} ${where}${removed.length > 0 ? ' --drop, or --keep' : ''}`,
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

function cameTo({ added, widened, removed }: GrowthLook): string {
  const came = added.length === 0 ? [] : [`has got ${added.join(', ')}`];
  const wider = widened.length === 0 ? [] : [`has ${widened.join(', ')} wider`];
  const gone = removed.length === 0 ? [] : [`has dropped ${removed.join(', ')}`];
  return [...came, ...wider, ...gone].join(' and ') || 'is another one';
}

const ANEW =
  'so has a row that moves, is repaired, or is written anew for a unique index: docs/DDL.md';

/** What each word does to columns that were dropped, before it is said. */
function fatesOf({ plan, removed }: GrowthLook, { view, job }: JobLink): string[] {
  const { source, table } = plan;
  return removed.flatMap(column => {
    const others = holdersOf(view.plans, table, column).filter(name => name !== source);
    const when =
      others.length === 0 ? 'at once' : `as soon as ${others.join(', ')} have dropped it too`;
    const isKept = leftColumns(view).some(c => c.table === table && c.column === column && c.keep);
    const lost = isKept ? 'stays, as was said of it at another source' : `is lost, ${when}`;
    const kept = isKeepable(job)
      ? `stays, when the targets have applied what was in it; rows that ${source} writes from there on have NULL there, or its default`
      : 'is refused: rows that come the other way (cutover.back) would bring it';
    return [
      `  ${column} on the targets, and what is in it:`,
      `    --drop: ${lost}; until then rows of ${source} have NULL there, or its default`,
      `    --keep: ${kept}`,
      ...(isKeepable(job) ? [`      ${ANEW}`] : []),
    ];
  });
}

const thenOf = (targets: GrowthLook['targets']): string => (targets.length > 0 ? 'then' : 'now');

function altersOf({ targets }: GrowthLook): string[] {
  if (targets.length === 0) return [];
  const alters = targets.map(({ target, what, sql }) => `    ${target}: ${sql ?? what}`);
  return ['  first, where rows go to:', ...alters];
}
