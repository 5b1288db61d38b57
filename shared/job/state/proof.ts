/**
 * What is proven of a table: one record of the state topic for each table, written by control alone
 * from the verdicts of checks. Whether a job is `verified` is derived from these records and from
 * nothing else: each of its tables has an equal proof that nothing has made doubtful since.
 *
 * A proof stands on a basis: the generations of the table's copies and the number of doubts when
 * its check began. Whatever could make the table another one than was compared (a recopy, a repair,
 * a check that found something, a key that a target refuses) raises one of these numbers, so a
 * check that had begun before proves nothing afterwards, however late its verdict comes. The
 * obvious way, to compare the times of requests and verdicts, trusts the clocks of three machines.
 */
import { unreachable } from '../../runtime/error.ts';
import type { JobView } from './job-view.ts';

/** `none`: no check has told of the table yet. */
export type ProofResult = 'none' | 'equal' | 'different' | 'unsettled' | 'blocked' | 'failed';

export interface Proof {
  table: string;
  /** Only ever goes up. */
  doubts: number;
  /** The newest reason to doubt. */
  doubt: string | null;
  doubtMs: number;
  /** The check that the result is of. */
  check: string;
  result: ProofResult;
  /** Why the check has failed. */
  reason: string | null;
  basis: string;
  startedMs: number;
  provenMs: number;
  rows: number;
  targetRows: number;
  ranges: number;
  differences: number;
  unsettled: number;
  blocked: number;
  /** Every row was compared as of this position of its source or later. */
  sourceGtids: Record<string, string>;
  /** The check gave the table up: there may be more differences. */
  truncated?: boolean;
  /**
   * Milliseconds that checkers have worked at the check: less than from its start to its end where
   * nobody has for a while. Not there, or 0, where an older version has told.
   */
  workedMs?: number;
}

/** What a check says of one table, for its proof. */
export interface TableVerdict extends Omit<Proof, 'doubts' | 'doubt' | 'doubtMs'> {
  /** Of a scope alone: that it is equal, or could not be told, is nothing of the table. */
  isPart?: boolean;
}

/** Whether a table is proven, and if not, why. */
export interface Standing {
  table: string;
  isProven: boolean;
  why: string;
  proof: Proof | null;
}

type Known = Pick<JobView, 'plans' | 'proofs'>;

export function unproven(table: string): Proof {
  const counts = { rows: 0, targetRows: 0, ranges: 0, differences: 0, unsettled: 0, blocked: 0 };
  return {
    table,
    doubts: 0,
    doubt: null,
    doubtMs: 0,
    check: '',
    result: 'none',
    reason: null,
    basis: '',
    startedMs: 0,
    provenMs: 0,
    ...counts,
    sourceGtids: {},
    truncated: false,
  };
}

/** What a check of the table that begins now will stand on. */
export function basisOf(view: Known, table: string): string {
  const copies = [...view.plans.values()]
    .filter(p => p.table === table)
    .map(p => `${p.source}=${p.generation}`)
    .sort();
  return `${copies.join(',')};doubts=${view.proofs.get(table)?.doubts ?? 0}`;
}

/** The record after a reason to doubt: what was proven before is so no longer. */
export function doubted(proof: Proof, doubt: string, nowMs: number): Proof {
  return { ...proof, doubts: proof.doubts + 1, doubt, doubtMs: nowMs };
}

/**
 * The record after a verdict; null when the verdict changes nothing: its check began before the
 * newest doubt or recopy, or it only repeats what is known.
 */
export function judged(view: Known, verdict: TableVerdict, nowMs: number): Proof | null {
  const known = view.proofs.get(verdict.table) ?? unproven(verdict.table);
  if (verdict.basis !== basisOf(view, verdict.table)) return null;
  const { isPart = false, ...whole } = verdict;
  if (isPart) {
    const isFound = verdict.result === 'different';
    return isFound ? doubted(withPart(known, whole), findingOf(verdict), nowMs) : null;
  }
  if (verdict.result !== 'equal') {
    const found = isCured(known, verdict) ? { ...known, ...whole } : known;
    return doubted(found, findingOf(verdict), nowMs);
  }
  const isOlder = known.basis === verdict.basis && verdict.check <= known.check;
  return isOlder ? null : { ...known, ...whole };
}

/** What a check of all has found is more than a part of it; and the schedule goes by the former. */
function withPart(known: Proof, found: Omit<TableVerdict, 'isPart'>): Proof {
  if (known.result === 'different') return known;
  const { startedMs, provenMs } = known;
  return { ...known, ...found, startedMs, provenMs, truncated: true };
}

/**
 * What is known to differ is known until a check has compared it again: one that has failed, or
 * could not settle keys, has not.
 */
function isCured(known: Proof, { result }: TableVerdict): boolean {
  return known.result !== 'different' || (result !== 'failed' && result !== 'unsettled');
}

/** Each table's standing, in the order of `tables`. */
export function standings(view: Known, tables: readonly string[]): Standing[] {
  return tables.map(table => {
    const proof = view.proofs.get(table) ?? null;
    const why = whyUnproven(view, table, proof);
    return { table, isProven: why === null, why: why ?? 'proven equal', proof };
  });
}

function whyUnproven(view: Known, table: string, proof: Proof | null): string | null {
  if (proof === null || proof.result === 'none') return proof?.doubt ?? 'no check has compared it';
  if (proof.result !== 'equal') return findingOf(proof);
  if (proof.basis === basisOf(view, table)) return null;
  const isDoubted = !proof.basis.endsWith(`;doubts=${proof.doubts}`);
  if (isDoubted) return `${proof.doubt ?? 'in doubt'} (after ${proof.check})`;
  return `copied anew after ${proof.check}`;
}

/** Whether something else has made the table doubtful since its check has told of it. */
export function isDoubtedSince({ basis, doubts, result }: Proof): boolean {
  const [, began = '0'] = basis.split(';doubts=');
  // What is not equal is a reason to doubt itself.
  return doubts > Number(began) + (result === 'equal' ? 0 : 1);
}

/**
 * Whether the verdict of a check, or of a later one, is in the record. A check that has failed may
 * be the newest doubt only, while an older one says what differs.
 */
export function isNoted(proof: Proof | undefined, check: string): boolean {
  return (proof?.check ?? '') >= check || proof?.doubt?.startsWith(check) === true;
}

/** How many; of a table that its check has given up, at least. */
export function differencesText(p: Pick<Proof, 'differences' | 'truncated'>): string {
  return `${p.differences}${p.truncated ? ' or more' : ''}`;
}

/** What a verdict that is not equal has found. */
export function findingOf(v: TableVerdict): string {
  switch (v.result) {
    case 'none':
      return 'no check has compared it';
    case 'equal':
      return `${v.check} found it equal`;
    case 'different':
      return `${v.check} found ${differencesText(v)} keys that differ`;
    case 'unsettled':
      return `${v.check} could not settle ${v.unsettled} keys, which changed at each probe`;
    case 'blocked':
      return `${v.check} met ${v.blocked} keys that are blocked on the targets`;
    case 'failed':
      return `${v.check} failed: ${v.reason ?? 'no reason given'}`;
    default:
      return unreachable(v.result);
  }
}
