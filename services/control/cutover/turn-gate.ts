/**
 * Gates of the way back: before the application goes to servers, it has to be sure that it can come
 * back from them. They would be frozen then, by this account; what it writes there is in their log;
 * and what it leaves takes the writes of our sink, and of nobody else.
 */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import type { Job, JobSource, JobTarget } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, readAccount } from '../../../shared/mysql/grant.ts';
import { describeError, firstLine } from '../../../shared/runtime/error.ts';
import type { Status } from '../status/status.ts';
import { type Gate, open, shut, turnGates, unknown } from './gate.ts';
import { fencedAccounts, grantGate, kindGate } from './server-gate.ts';
import type { SourceFacts } from './source-facts.ts';
import type { TargetFacts } from './target-facts.ts';

const NAME = 'way back';
/** Whoever has one of them writes to a server that is read_only. */
const WRITES_ON = ['CONNECTION_ADMIN', 'SUPER', 'READ ONLY ADMIN'];

/** Of the servers that the application goes to, as they would be left again. */
export function leavingGates(s: SourceFacts): Gate[] {
  return [kindGate(s), grantGate(s), ...fencedAccounts(s)].map(named);
}

/** Of the servers that it leaves, as rows will be carried to them. */
export function carriedGates(t: TargetFacts): Gate[] {
  return [carriedTriggers(t), carriedEvents(t)];
}

function carriedTriggers({ target: where, triggers }: TargetFacts): Gate {
  if (triggers.length === 0) return open(NAME, where, 'no triggers on its tables');
  const what = `triggers fire for what is carried back: ${triggers.join(', ')}`;
  const fix = 'DROP TRIGGER, or no way back: take `cutover.back` out of the job file';
  return shut(NAME, where, what, fix);
}

/** Our sink needs super_read_only off, and read_only does not stop those of every account. */
function carriedEvents({ target: where, events, account, database }: TargetFacts): Gate {
  if (events === null) {
    const why = 'the event scheduler is on, and its events are not shown';
    return unknown(NAME, where, why, `GRANT EVENT ON \`${database}\`.* TO ${account};`);
  }
  if (events.length === 0) return open(NAME, where, 'no event runs by itself');
  const what = `events would go on beside what is carried back: ${events.join(', ')}`;
  const fix = 'ALTER EVENT <name> DISABLE; -- and enable it in the open command, on the other side';
  return shut(NAME, where, what, fix);
}

/** Tables that were taken up while the job ran are not in its way back. */
export function tableGates(tables: readonly string[], view: JobView): Gate[] {
  const planned = new Set([...view.plans.values()].map(p => p.table));
  const missing = tables.filter(t => !planned.has(t));
  if (missing.length === 0) return [open(NAME, '', 'it has every table of the job')];
  return [shut(NAME, '', `it lacks the tables ${missing.join(', ')}`, NEW_TABLES)];
}

const NEW_TABLES =
  'tables that are added while a job runs have no way back: take `cutover.back` out of the job file';

export function flowGates(status: Status, limits: CutoverLimits): Gate[] {
  return turnGates(status, limits).map(named);
}

function named(gate: Gate): Gate {
  return { ...gate, name: `${NAME}: ${gate.name}` };
}

/** The fence lets accounts through that may end connections: the application's must not be one. */
export async function accountGate(
  source: JobSource | JobTarget,
  account: Job['cutover']['probe'],
): Promise<Gate[]> {
  if (account === undefined) return [];
  try {
    await using session = await MysqlSession.open({ ...source, ...account }, { role: 'admin' });
    const { grants, name } = await readAccount(session);
    const through = WRITES_ON.filter(p => allows(grants, p));
    const [first] = through;
    if (first === undefined) return [open(NAME, source.name, `${name} is stopped by read_only`)];
    const fix = `REVOKE ${first} ON *.* FROM ${name};`;
    return [shut(NAME, source.name, `${name} has ${first}: read_only does not stop it`, fix)];
  } catch (e) {
    return [unknown(NAME, source.name, firstLine(describeError(e)), null)];
  }
}

/** A member of an older version does not know that its leg has ended. */
export function legGate(where: string, knows: boolean): Gate {
  if (knows) return open(NAME, where, 'its sink knows of ways');
  return shut(NAME, where, 'no sink of this version has been there', 'start the sinks again');
}
