/**
 * How far a running check of every row is: record `checkpoint/<verify id>` of the state topic. Its
 * checker tells it in its report (detail `checkpoint`); control alone makes it durable, under its
 * fence, and removes it with the verdict. Whoever checks next goes on there.
 *
 * What is in it is true by itself, whoever has said it: of each table the rows up to a key were
 * compared, every one as of the positions here or later, and all of them were found equal but
 * `suspects`. So an older one that comes late costs reads and nothing else. It says nothing of what
 * the tables, the servers or the routes have become since: `basis` and `shape` do.
 */

export interface Checkpoint {
  /** Of the request. */
  id: string;
  /** When the oldest of what it tells was compared, or before: it never gets later. */
  startedMs: number;
  /** Milliseconds that checkers have worked at it. */
  workedMs: number;
  savedMs: number;
  /** How often the check has been taken up. */
  resumes: number;
  /** By source and by target: what the oldest of it was compared as of, or later. */
  sourceGtids: Record<string, string>;
  targetGtids: Record<string, string>;
  /** By name in the job: which server it is, by its own word. */
  servers: Record<string, string>;
  tables: TableCheckpoint[];
}

/** Keys behind `after` up to `upTo`, itself included: as SQL literals; null is open. */
export interface CheckedRange {
  after: readonly string[] | null;
  upTo: readonly string[] | null;
}

export interface TableCheckpoint {
  table: string;
  /** What the verdict will rest on: shared/job/state/proof.ts. */
  basis: string;
  /** Fingerprint of what is asked of each server, and of when it has made the table. */
  shape: string;
  /** The last key that is compared, as SQL literals in key order; null: there is none behind. */
  upTo: readonly string[] | null;
  /** The same for people. */
  key: Record<string, string> | null;
  /** Rows of the sources. */
  rows: number;
  targetRows: number;
  ranges: number;
  rangesDifferent: number;
  rechecked: number;
  /** The servers' word, as in TableProgress. */
  estimatedRows: number;
  /** Keys of it that have differed, and were not found equal since: as `upTo`. */
  suspects: readonly (readonly string[])[];
  /** Of a scope: the first range that had rows of it. */
  filled: CheckedRange | null;
  /**
   * The first ranges that had rows which belong on these targets; not there in checkpoints of older
   * versions.
   */
  firsts?: readonly (CheckedRange & { targets: readonly string[] })[];
}

/** What a checker has taken over from the one before. */
export interface Resumption {
  /** How often the check was taken up. */
  times: number;
  /** The last time. */
  atMs: number;
  /** What was not compared again; `upTo`: its last key, null: all of the table. */
  kept: { table: string; rows: number; upTo: Record<string, string> | null }[];
  /** What was, and why. */
  anew: { table: string; why: string }[];
}

/** `orders up to id=5, 5 rows; items begins anew, since it was altered` */
export function resumptionText({ kept, anew }: Resumption): string {
  const parts = kept.map(({ table, rows, upTo }) => {
    const keys = Object.entries(upTo ?? {}).map(([column, value]) => `${column}=${value}`);
    const part = upTo === null ? 'as a whole' : `up to ${keys.join(', ')}`;
    return `${table} ${part} (${rows} rows)`;
  });
  return [
    ...(parts.length > 0 ? [`compared before: ${parts.join('; ')}`] : []),
    ...anew.map(({ table, why }) => `${table} begins anew: ${why}`),
  ].join('; ');
}
