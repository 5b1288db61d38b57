/**
 * Rows of the checker's own statements, whose columns are all short ASCII texts.
 * Invariant: a statement that warns has no answer. The servers warn when a row text grows over
 * max_allowed_packet: its hash is then NULL, a sum leaves NULLs out, and two different ranges would
 * look equal. Only warnings that are known to change no answer are passed over (isHarmless): rows
 * of an ordinary table make them, and it could never be checked.
 */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { type ServerWarning, serverWarnings } from '../../../shared/mysql/server-warning.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

export type TextRow = (string | null)[];

export async function textRows(session: MysqlSession, sql: string): Promise<TextRow[]> {
  const rows: TextRow[] = [];
  const { warnings } = await session.rawQuery(sql, (buf, start, end) => {
    rows.push(readTextRow(buf, start, end));
  });
  if (warnings > 0) await refuseDoubtful(session, warnings);
  return rows;
}

const INVALID_TEXT = 1300;
const OVER_PACKET = 1301;
const TRUNCATED_IN_EXPRESSION = 1292;

/**
 * A key literal may hold codes that its character set has no character for (0x81 of cp1257): its
 * row is found all the same (key-types.mysql.test.ts). A virtual column may be an expression that
 * warns of a value, whatever it makes of it: that is the column's value on both sides. A literal of
 * ours that the server does not understand is told in other words (`Incorrect DATE value`).
 */
function isHarmless({ code, message }: ServerWarning): boolean {
  switch (code) {
    case INVALID_TEXT:
      return message.startsWith('Invalid ');
    case TRUNCATED_IN_EXPRESSION:
      return message.startsWith('Truncated incorrect ');
    default:
      return false;
  }
}

/** A statement has made more warnings than its server keeps: nobody can look at the others. */
export class UnseenWarnings extends ReshardError {
  /** So many statements would have half of what is kept, if rows make as many; 0: none would. */
  readonly statements: number;

  constructor(session: MysqlSession, made: number, kept: number) {
    super('server-setting', `no safe fingerprint: ${made} warnings, of which ${kept} are kept`, {
      context: session.where(),
      remedy:
        'SET GLOBAL max_error_count = 65535 on the server, or grant SESSION_VARIABLES_ADMIN to ' +
        'the account; then run the check again',
    });
    this.statements = kept === 0 ? 0 : Math.ceil((2 * made) / kept);
  }
}

/** The server's text quotes values, so it is not told. */
async function refuseDoubtful(session: MysqlSession, warnings: number): Promise<void> {
  const all = await serverWarnings(session);
  const doubtful = all.find(w => !isHarmless(w));
  if (doubtful === undefined && all.length === warnings) return;
  if (doubtful === undefined) throw new UnseenWarnings(session, warnings, all.length);
  const { code } = doubtful;
  if (code === OVER_PACKET) {
    throw new ReshardError('too-large', 'no safe fingerprint: a row is over max_allowed_packet', {
      context: session.where(),
      remedy: 'raise max_allowed_packet of the server above twice the size of its largest row',
    });
  }
  throw new ReshardError('bug', `no safe fingerprint: the server's warning ${code}`, {
    context: session.where(),
  });
}

/** A text protocol row: length-encoded texts, 0xfb for NULL. */
function readTextRow(buf: Buffer, start: number, end: number): TextRow {
  const row: TextRow = [];
  let pos = start;
  while (pos < end) {
    const first = buf[pos] ?? 0;
    pos += 1;
    if (first === 0xfb) {
      row.push(null);
      continue;
    }
    let length = first;
    if (first >= 0xfc) {
      const bytes = first === 0xfc ? 2 : first === 0xfd ? 3 : 6;
      length = buf.readUIntLE(pos, bytes);
      pos += first === 0xfe ? 8 : bytes;
    }
    row.push(buf.toString('latin1', pos, pos + length));
    pos += length;
  }
  return row;
}
