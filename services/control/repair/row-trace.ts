/**
 * Where a row was lost: on its way from the source into the log, or from the log to a target. The
 * hash of what the log says of a key (last-record.ts) is compared with the hashes that the source
 * and the targets compute of their rows.
 *
 * None of the three can be asked at one moment, so a key is looked at several times, each time in
 * the order of its way: the source, then the log when that has all that the source had by then,
 * then the targets when they have applied the record. A word against somebody is said only if
 * LOOKS of them in a row have found the same rows and the same record: a change between two of them
 * would have brought another record, or another row at the source. What goes on changing is told
 * as that.
 */
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { LastRecord, Said } from './last-record.ts';

/** Looks in a row that have to find the same. */
const LOOKS = 3;
/** A key that changes at each look is given up. */
export const LOOKS_MAX = 8;

export type Arrow =
  /** The targets have what the source has, by now. */
  | 'none'
  /** The log has not what the source has. */
  | 'capture'
  /** A target has applied what the log says, and has another row. */
  | 'sink'
  /** A target holds the newest event of the key back. */
  | 'waiting'
  /** The log, or a target, has not come so far. */
  | 'behind'
  /** Each look has found other rows, or another record. */
  | 'changing'
  | 'unknown';

/** What a source and its log say of a key. */
export interface SourceSaid {
  /** Hash of the source's row; null: it has none. */
  source: string | null;
  /** Null: the log has not reached what the source had. */
  log: Said | null;
}

/** What one look has found. */
export interface Look extends SourceSaid {
  /** By target that should have another row, or none: the hash of what it has. */
  wrong: ReadonlyMap<string, string | null>;
  /** Those of them that have not applied the record. */
  behind: readonly string[];
  /** Why those of them that hold the key back do so. */
  waiting: ReadonlyMap<string, string>;
  /** Offsets of the last records in the logs of other sources; null: none is known. */
  others: readonly (number | null)[];
  /** A key that is the same one to the server may be spelled otherwise in the log. */
  isSpelled: boolean;
}

export interface Verdict {
  arrow: Arrow;
  why: string;
}

/**
 * Which of the sources to tell of: its log is behind, or is not as the source is, or nobody knows;
 * only if none is so the one that has the row. A log of another source that was not read so far
 * back matters only where a row is too many (`isExtra`), or none has it.
 */
export function telling<T extends SourceSaid>(all: readonly T[], isExtra: boolean): T {
  const hasOwner = all.some(s => s.source !== null);
  const rank = ({ source, log }: T): number => {
    if (log === null) return 6;
    const isOpen = log === 'beyond' || log === 'unreadable' || (log === 'anew' && source === null);
    if (isOpen) return source !== null || !hasOwner || isExtra ? 4 : 0;
    const said = typeof log === 'string' ? null : log.hash;
    if (said !== source) return 5;
    if (source !== null) return 3;
    return typeof log === 'string' ? 1 : 2;
  };
  const [most] = all.toSorted((a, b) => rank(b) - rank(a));
  if (most === undefined) throw new ReshardError('bug', 'the job has no source');
  return most;
}

/** What a look says, if others say the same. */
function verdictOf(look: Look): Verdict {
  const { source, log, wrong, behind, waiting, isSpelled } = look;
  if (wrong.size === 0)
    return { arrow: 'none', why: 'the targets have what the source has by now' };
  if (source !== null && [...wrong.values()].every(hash => hash === source)) return VIRTUAL;
  if (log === null) return { arrow: 'behind', why: 'the log has not come to what the source has' };
  if (log === 'beyond') return { arrow: 'unknown', why: 'no record of it in what was read' };
  if (log === 'unreadable') {
    return { arrow: 'unknown', why: 'its last record is of a schema that the job does not know' };
  }
  if (log === 'anew' && source === null) return ANEW;
  const said = typeof log === 'string' ? null : log.hash;
  if (said !== source) return isSpelled && source === null ? SPELLED : lostByCapture(source, log);
  if (typeof log === 'string' && isSpelled) return SPELLED;
  const held = [...waiting].map(([target, reason]) => `${target} (${reason})`);
  if (held.length > 0) {
    const why = `the log has what the source has, and it waits on ${held.join(', ')}`;
    return { arrow: 'waiting', why };
  }
  if (behind.length > 0) {
    return { arrow: 'behind', why: `its last record is not applied on ${behind.join(', ')} yet` };
  }
  return lostBehindLog([...wrong.keys()], log);
}

const VIRTUAL: Verdict = {
  arrow: 'unknown',
  why: 'only virtual columns differ, which are in no log: their expressions, or the servers, do',
};

const ANEW: Verdict = {
  arrow: 'unknown',
  why: 'the log was made anew with a copy: it has no record of rows that were deleted before',
};

const SPELLED: Verdict = {
  arrow: 'unknown',
  why: 'the source has no such row, and the log may spell its key otherwise',
};

function lostByCapture(source: string | null, log: LastRecord | 'none' | 'anew'): Verdict {
  if (typeof log === 'string') return { arrow: 'capture', why: 'the log has no record of the row' };
  if (source === null) {
    return { arrow: 'capture', why: 'the source has no such row, and the log has not its delete' };
  }
  const what = log.hash === null ? 'says that it is deleted' : 'has another row';
  return { arrow: 'capture', why: `the source has the row, and the log ${what}` };
}

function lostBehindLog(targets: readonly string[], log: LastRecord | 'none' | 'anew'): Verdict {
  const names = targets.join(', ');
  if (typeof log === 'string') {
    return {
      arrow: 'sink',
      why: `no record of it is in the log: the row on ${names} is a foreign one`,
    };
  }
  const why = `${names} has applied the record that the source agrees with, and has another row`;
  return { arrow: 'sink', why };
}

/** Looks at one key until enough of them agree. */
export class KeyLooks {
  verdict: Verdict | null = null;
  last: Look | null = null;
  #evidence = '';
  #same = 0;
  #looks = 0;

  add(look: Look): void {
    const evidence = evidenceOf(look);
    this.#same = evidence === this.#evidence ? this.#same + 1 : 1;
    this.#evidence = evidence;
    this.#looks += 1;
    this.last = look;
    const said = verdictOf(look);
    const isWord = said.arrow === 'capture' || said.arrow === 'sink';
    if (!isWord || this.#same >= LOOKS) this.verdict = said;
    else if (this.#looks >= LOOKS_MAX) {
      this.verdict = { arrow: 'changing', why: 'it was another one at each look: ask again' };
    }
  }
}

function evidenceOf({ source, log, wrong, behind, waiting, others }: Look): string {
  const record = log === null || typeof log === 'string' ? log : [log.offset, log.hash];
  return JSON.stringify([source, record, [...wrong], behind, [...waiting], others]);
}
