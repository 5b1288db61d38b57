/**
 * The one error type. `kind` decides what happens next (error-policy.ts), `remedy` tells the
 * operator what to do (by default that of the kind: error-catalogue.ts), `context` names the thing
 * (table, topic, position) but never a row value.
 */
import { CATALOGUE } from './error-catalogue.ts';
import { policyOf } from './error-policy.ts';

export type ErrorKind =
  /** The job file, an option or an environment variable is wrong. */
  | 'config'
  /** A server cannot be reached or dropped the connection. */
  | 'unreachable'
  /** Login or privilege refused. */
  | 'denied'
  /** A server runs with a setting under which data could be lost. */
  | 'server-setting'
  /** The source database failed in a way that a new attempt from the durable state may cure. */
  | 'source'
  /** The target database failed in a way that a new attempt may cure (deadlock, restart). */
  | 'target'
  /** The target refused data: a new attempt would fail again. */
  | 'target-data'
  /** The broker failed or answered what it should not; the transaction was not committed by us. */
  | 'broker'
  /** The schema registry failed. */
  | 'registry'
  /** Another owner has taken over: this member must change nothing more. */
  | 'fenced'
  /** The lease was lost (rebalance, missed heartbeats). */
  | 'lease-lost'
  /** A record, topic or row is another job's, or that of a job of this name that was before. */
  | 'foreign-job'
  /** The job file, or a server behind a name in it, is not what the job was made with. */
  | 'job-changed'
  /** The binlog that we need is gone from the source. */
  | 'position-lost'
  /** The source's transactions are others than those of the same numbers in the log. */
  | 'history-changed'
  /** The topic was trimmed past our offset, cut, deleted or made again. */
  | 'history-lost'
  /** A table is no longer what the job was planned with. */
  | 'schema-changed'
  /** A column type that is not carried yet. */
  | 'unsupported-type'
  /** A value that cannot be carried exactly. */
  | 'value-not-carried'
  /** The binlog holds something that cannot be replayed exactly (minimal image, statement, XA). */
  | 'unsafe-event'
  /** A row is larger than a message may be. */
  | 'too-large'
  /** The same primary or unique key from two places, or a park past its deadline. */
  | 'collision'
  /** Bytes that do not decode. */
  | 'corrupt'
  /** Something that must not be possible: a defect of ours. */
  | 'bug';

export type ErrorContext = Record<string, string | number | bigint | boolean | null | undefined>;

export class ReshardError extends Error {
  readonly kind: ErrorKind;
  readonly remedy: string | undefined;
  readonly context: ErrorContext;

  constructor(
    kind: ErrorKind,
    message: string,
    extra: { remedy?: string | undefined; cause?: unknown; context?: ErrorContext } = {},
  ) {
    super(message, extra.cause === undefined ? {} : { cause: extra.cause });
    this.name = 'ReshardError';
    this.kind = kind;
    this.remedy = extra.remedy;
    this.context = extra.context ?? {};
  }
}

/** Any thrown thing as a ReshardError; what we did not foresee is a `bug`, with its cause kept. */
export function asReshardError(e: unknown, kind: ErrorKind = 'bug'): ReshardError {
  if (e instanceof ReshardError) return e;
  const message = e instanceof Error ? e.message : String(e);
  return new ReshardError(kind, message, { cause: e });
}

/** What the operator is told to do: the outermost remedy of the chain, else that of the kind. */
export function remedyOf(e: unknown): string {
  for (let x: unknown = e; x instanceof Error; x = x.cause) {
    if (x instanceof ReshardError && x.remedy !== undefined) return x.remedy;
  }
  return CATALOGUE[asReshardError(e).kind].remedy;
}

/** What a text of several lines, as describeError makes them, begins with. */
export function firstLine(text: string): string {
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

/** One line per link of the cause chain; last the remedy, unless none is named and it may pass. */
export function describeError(e: unknown): string {
  const lines: string[] = [];
  let isTold = e instanceof ReshardError && policyOf(e.kind) !== 'restart';
  for (let x: unknown = e; x !== undefined && lines.length < 8; ) {
    if (x instanceof ReshardError) {
      const where = Object.entries(x.context)
        .filter(([, v]) => v !== undefined && v !== null)
        .map(([k, v]) => `${k}=${v}`)
        .join(' ');
      lines.push(`${x.kind}: ${x.message}${where ? ` (${where})` : ''}`);
      isTold ||= x.remedy !== undefined;
    } else if (x instanceof Error) {
      lines.push(`${x.name}: ${x.message}`);
    } else {
      lines.push(String(x));
    }
    x = x instanceof Error ? x.cause : undefined;
  }
  const text = lines.join('\n  caused by ');
  return isTold ? `${text}\n  remedy: ${remedyOf(e)}` : text;
}

/** The compiler proves that every case of a union is handled. */
export function unreachable(x: never): never {
  throw new ReshardError('bug', `unexpected ${JSON.stringify(x)}`);
}
