/**
 * Rows of the checker's own statements, whose columns are all short ASCII texts.
 * Invariant: a statement that warns has no answer. The servers warn when a row text grows over
 * max_allowed_packet: its hash is then NULL, a sum leaves NULLs out, and two different ranges would
 * look equal.
 */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

export type TextRow = (string | null)[];

export async function textRows(session: MysqlSession, sql: string): Promise<TextRow[]> {
  const rows: TextRow[] = [];
  const { warnings } = await session.rawQuery(sql, (buf, start, end) => {
    rows.push(readTextRow(buf, start, end));
  });
  if (warnings > 0) throw await doubtful(session);
  return rows;
}

async function doubtful(session: MysqlSession): Promise<ReshardError> {
  const [first] = await session.query<{ Message: string }>('SHOW WARNINGS LIMIT 1');
  return new ReshardError('too-large', `no safe fingerprint: ${first?.Message ?? 'a warning'}`, {
    context: session.where(),
    remedy: 'raise max_allowed_packet of the server above twice the size of its largest row',
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
