/**
 * AUTO_INCREMENT over a cutover. The targets take rows with the ids that the sources gave; their
 * own counters follow only the rows that they have seen. What a source gave out and then deleted,
 * or gave to a row of another target, would be given out a second time by a target whose counter
 * is lower. So every target's counter must be above those of all sources; with several targets,
 * each must give out ids that no other one does. Nothing is set here: the gate names the
 * statement, so that the write stop does not wait for an ALTER.
 */
import { type Job, routeSpec, tablesOf } from '../../../shared/job/job.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteText } from '../../../shared/mysql/identifier.ts';
import { type Gate, open, shut } from './gate.ts';
import type { TargetFacts } from './target-facts.ts';

/** Ids that the sources may still give out between the gates and the freeze. */
export const HEADROOM = 1000n;
/** Of the statement that a gate names: time to do it, and to begin the cutover. */
const ROOM = 100_000n;

/** By table, the next id that the server gives out; tables without such a column are left out. */
export type Counters = ReadonlyMap<string, bigint>;

export async function readCounters(
  session: MysqlSession,
  database: string,
  tables: readonly string[],
): Promise<Counters> {
  const names = tables.map(quoteText).join(', ');
  const rows = await session.query<{ name: string; next: string | null }>(
    `SELECT c.TABLE_NAME AS name, t.AUTO_INCREMENT AS next FROM information_schema.COLUMNS c
       JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)
      WHERE TABLE_SCHEMA = ${quoteText(database)} AND TABLE_NAME IN (${names})
        AND c.EXTRA LIKE '%auto_increment%'`,
  );
  return new Map(rows.map(({ name, next }) => [name, BigInt(next ?? 1)]));
}

/** `headroom`: ids that the sources may give out yet; none once they are frozen. */
export function counterGates(
  job: Job,
  sources: readonly { source: string; counters: Counters }[],
  targets: readonly TargetFacts[],
  headroom: bigint,
): Gate[] {
  const tables = tablesOf(job).filter(t => sources.some(s => s.counters.has(t)));
  if (tables.length === 0) return [open('ids', '', 'no table has an AUTO_INCREMENT column')];
  if (job.cutover.ids === 'application') {
    const whose = 'the job file says that the application makes all ids (cutover.ids)';
    return [open('ids', '', `${whose}; AUTO_INCREMENT of ${tables.join(', ')} is not looked at`)];
  }
  if (job.kind === 'expand') {
    const why = `the cluster goes on giving out ids of ${tables.join(', ')}, as the new servers do`;
    return [
      shut('ids', '', why, 'make ids apart on all servers, and say `cutover.ids: application`'),
    ];
  }
  return [
    ...tables.flatMap(table => {
      const next = sources.map(s => s.counters.get(table) ?? 1n).reduce(larger);
      return targets
        .filter(t => !isElsewhere(job, table, t.target))
        .map(t => counterGate(t, table, next, headroom));
    }),
    ...stepGates(job, tables, targets),
  ];
}

function counterGate(t: TargetFacts, table: string, next: bigint, headroom: bigint): Gate {
  const where = `${t.target}/${table}`;
  const own = t.counters.get(table);
  if (own === undefined) {
    return shut('ids', where, 'the column has no AUTO_INCREMENT on the target');
  }
  const room = headroom > 0n ? `, with ${headroom} to spare` : '';
  const seen = `next id ${own}; the sources are at ${next}${room}`;
  if (own >= next + headroom) return open('ids', where, seen);
  const name = qualified(t.database, table);
  return shut('ids', where, seen, `ALTER TABLE ${name} AUTO_INCREMENT = ${next + ROOM};`);
}

/** Several targets that give out ids of one table must step over each other's. */
function stepGates(job: Job, tables: readonly string[], targets: readonly TargetFacts[]): Gate[] {
  const shared = tables.filter(t => routeSpec(job, t).kind !== 'target');
  if (shared.length === 0 || targets.length < 2) return [];
  const n = targets.length;
  const steps = new Set(targets.map(t => t.increment));
  const offsets = new Set(targets.map(t => t.offset % t.increment));
  const isRead = targets.every(t => t.offset <= t.increment);
  const isApart = steps.size === 1 && offsets.size === n && isRead;
  return targets.map((t, i): Gate => {
    const seen = `auto_increment_increment ${t.increment}, auto_increment_offset ${t.offset}`;
    if (isApart) return open('id steps', t.target, seen);
    const why = `${seen}: ids of ${shared.join(', ')} would be given out on several targets`;
    const set = t.flavor === 'mysql' ? 'SET PERSIST' : 'SET GLOBAL';
    const step = `${set} auto_increment_increment = ${n}; ${set} auto_increment_offset = ${i + 1};`;
    return shut('id steps', t.target, why, `${step} or \`cutover.ids: application\``);
  });
}

/** Rows of the table go to another target only. */
function isElsewhere(job: Job, table: string, target: string): boolean {
  const route = routeSpec(job, table);
  return route.kind === 'target' && route.target !== target;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
