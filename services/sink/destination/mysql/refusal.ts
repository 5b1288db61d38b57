/**
 * Which errors of a target are about the data, so that another attempt would fail again; which of
 * them are about one row; and how a refusal is told. The server quotes values in its messages, and
 * values belong neither into logs nor into status nor into headers: so its text is never passed on.
 * It is told in words of ours, with the names of a column or constraint taken from it.
 */
import { errnoOf } from '../../../../shared/mysql/mysql-error.ts';
import { type ErrorKind, ReshardError } from '../../../../shared/runtime/error.ts';
import type { Refusal } from '../../intake/refusal.ts';

const OF_DATA = new Set<ErrorKind>([
  'target-data',
  'too-large',
  'schema-changed',
  'collision',
  'corrupt',
  'value-not-carried',
]);

const OF_ROW = new Set<ErrorKind>(['target-data', 'corrupt', 'value-not-carried']);

/** A literal that the server does not understand; the row it is in can be found. */
const SYNTAX = 1064;
const NO_SUCH_TABLE = 1146;

const REASON: Record<number, string> = {
  1022: 'a unique value is there already',
  1048: 'NULL in a column that is NOT NULL',
  1062: 'a unique value is there already',
  1064: 'the server does not understand the statement',
  1169: 'a unique value is there already',
  1216: 'a foreign key refuses the row',
  1217: 'a foreign key refuses the change',
  1264: 'a number is outside the range of its column',
  1265: 'a value would be cut to fit its column',
  1292: 'a date, time or number does not fit its column',
  1364: 'a column that the source lacks has no default',
  1366: 'a value does not fit the type or the character set of its column',
  1406: 'a value is too long for its column',
  1451: 'a foreign key refuses the change',
  1452: 'a foreign key refuses the row',
  1526: 'no partition of the table takes the row',
  1644: 'a trigger refuses the row',
  1690: 'a computed value is out of range',
  1748: 'no partition of the table takes the row',
  3140: 'a text is not a JSON document',
  3819: 'a CHECK constraint refuses the row',
  4025: 'a CHECK constraint refuses the row',
  6136: 'a vector without numbers, which no statement writes',
};

/** True: the smallest unit stops. False: the connection or the server is the trouble. */
export function isOfData(e: unknown): e is ReshardError {
  if (!(e instanceof ReshardError)) return false;
  // An answer of the server that nobody foresaw is most likely about the statement it was given.
  return OF_DATA.has(e.kind) || (e.kind === 'bug' && errnoOf(e) !== undefined);
}

/** Somebody has dropped a table of ours: no fault of the data. A new session makes it anew. */
export function ownTableGone(e: unknown): ReshardError | null {
  if (!(e instanceof ReshardError) || errnoOf(e) !== NO_SUCH_TABLE) return null;
  const name = /\.(reshard_(?:offset|park|dead_letter)\b)/.exec(e.message)?.[1];
  if (name === undefined) return null;
  return new ReshardError('target', `${name} was dropped, and is made anew`, {
    remedy:
      'leave tables of Reshard alone while the job runs; `reshard verify <job file>` says whether ' +
      'rows are missing that waited in it',
  });
}

/** True: it is about one row of the statement, and the others may go in without it. */
export function isOfRow(e: unknown): e is ReshardError {
  if (!(e instanceof ReshardError)) return false;
  return OF_ROW.has(e.kind) || errnoOf(e) === SYNTAX;
}

export function refusalOf(e: ReshardError): Refusal {
  const errno = errnoOf(e);
  // Without a number it is an error of ours, whose message names things and never values.
  if (errno === undefined) return { kind: e.kind, errno: null, text: e.message };
  const reason = REASON[errno] ?? `the server's error ${errno}`;
  const name = nameIn(errno, e.message);
  return { kind: e.kind, errno, text: name === undefined ? reason : `${reason}: ${name}` };
}

/** The error as it may be told: without the server's own text, which quotes values. */
export function tellable(error: ReshardError): ReshardError {
  const { kind, errno, text } = refusalOf(error);
  return new ReshardError(kind, text, {
    remedy: error.remedy,
    context: { errno: errno ?? undefined },
  });
}

/** The column or constraint that the server names, where a value cannot stand in its place. */
function nameIn(errno: number, message: string): string | undefined {
  switch (errno) {
    case 1264:
    case 1265:
    case 1292:
    case 1366:
    case 1406: {
      // The value stands in front of it and may hold any text, so the last one is taken.
      const last = message.slice(message.lastIndexOf(' for column ') + 1);
      return unquoted(/^for column (.+) at row \d+$/s.exec(last)?.[1], 'column');
    }
    case 1048:
      return unquoted(/^Column (.+) cannot be null$/s.exec(message)?.[1], 'column');
    case 1364:
      return unquoted(/^Field (.+) doesn't have a default value$/s.exec(message)?.[1], 'column');
    case 3819:
      return unquoted(/^Check constraint (.+) is violated\.?$/s.exec(message)?.[1], 'constraint');
    case 4025:
      return unquoted(/^CONSTRAINT (.+) failed for /s.exec(message)?.[1], 'constraint');
    default:
      return undefined;
  }
}

/** MariaDB names a column by database and table as well. */
function unquoted(name: string | undefined, what: string): string | undefined {
  const plain = name?.split('.').at(-1)?.replaceAll(/['`]/g, '');
  return plain === undefined || plain === '' ? undefined : `${what} ${plain}`;
}
