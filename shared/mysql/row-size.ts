/**
 * The biggest row against the message limit. The table definition often proves that no row can be
 * too big; if not, the rows are measured, for a limited time. A change carries the row twice, as it
 * was and as it is, so a row may take less than half of a message.
 */

import type { TableSchema } from '../schema/table-schema.ts';
import { familyOf } from '../type/type-families.ts';
import type { MysqlSession } from './connect.ts';
import type { Finding } from './finding.ts';
import { qualified, quoteId } from './identifier.ts';
import { errnoOf } from './mysql-error.ts';

/** Envelope, source block and key of an event. */
const ENVELOPE_BYTES = 2048;
/** The most that `options.maxMessageBytes` may be. */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;
/** What a broker takes in a request unless it is told otherwise. */
const BROKER_REQUEST_BYTES = 100 * 1024 * 1024;
const MEASURE_LIMIT_S = 20;
const QUERY_TIMED_OUT = [3024, 1969];

/** What one event of this table can take at most, by its definition. */
export function eventBytesBound(schema: TableSchema): number {
  const row = schema.columns.reduce((sum, c) => sum + familyOf(c.type).maxBytes(c.type) + 1, 0);
  return 2 * row + ENVELOPE_BYTES;
}

function lengthSum(schema: TableSchema): string {
  let fixed = 6 * schema.columns.length;
  const terms: string[] = [];
  for (const { name, type } of schema.columns) {
    const measured = familyOf(type).measure(quoteId(name));
    if (measured === null) fixed += familyOf(type).maxBytes(type);
    else terms.push(`COALESCE(${measured}, 0)`);
  }
  return [String(fixed), ...terms].join(' + ');
}

async function measure(session: MysqlSession, schema: TableSchema): Promise<number> {
  const what = `MAX(${lengthSum(schema)}) AS bytes FROM ${qualified(schema.db, schema.table)}`;
  const sql =
    session.flavor === 'mysql'
      ? `SELECT /*+ MAX_EXECUTION_TIME(${MEASURE_LIMIT_S * 1000}) */ ${what}`
      : `SET STATEMENT max_statement_time = ${MEASURE_LIMIT_S} FOR SELECT ${what}`;
  const [row] = await session.query<{ bytes: string | null }>(sql);
  return Number(row?.bytes ?? 0);
}

export async function checkRowSize(
  session: MysqlSession,
  schema: TableSchema,
  maxMessageBytes: number,
  where: string,
): Promise<Finding[]> {
  if (eventBytesBound(schema) <= maxMessageBytes) return [];
  const why = 'A row that does not fit into a message stops its table; nothing is cut.';
  let rowBytes: number;
  try {
    rowBytes = await measure(session, schema);
  } catch (e) {
    if (!QUERY_TIMED_OUT.includes(errnoOf(e) ?? 0)) throw e;
    const what = `rows may be larger than the message limit of ${maxMessageBytes} bytes; measuring them took over ${MEASURE_LIMIT_S} s`;
    const fix = `SELECT MAX(${lengthSum(schema)}) FROM ${qualified(schema.db, schema.table)};`;
    return [{ level: 'warning', code: 'row-size-unknown', where, what, why, fix }];
  }
  const eventBytes = 2 * rowBytes + ENVELOPE_BYTES;
  const what = `the biggest row has ${rowBytes} bytes, a change of it ${eventBytes}; a message holds ${maxMessageBytes}`;
  if (eventBytes > MESSAGE_BYTES_MAX) {
    const most = Math.floor((MESSAGE_BYTES_MAX - ENVELOPE_BYTES) / 2);
    const fix = `leave the table out of the job, or make its rows smaller than ${most} bytes`;
    return [{ level: 'blocker', code: 'row-size-max', where, what, why, fix }];
  }
  if (eventBytes > maxMessageBytes) {
    const fix = advice(eventBytes);
    return [{ level: 'blocker', code: 'row-size', where, what, why, fix }];
  }
  if (eventBytes * 2 <= maxMessageBytes) return [];
  const fix = advice(2 * eventBytes);
  return [{ level: 'warning', code: 'row-size', where, what, why, fix }];
}

function advice(eventBytes: number): string {
  const bytes = roundUp(eventBytes);
  const text = `set \`options.maxMessageBytes: ${bytes}\` in the job file`;
  if (bytes < BROKER_REQUEST_BYTES) return text;
  return `${text}, and \`socket.request.max.bytes\` of the brokers above it`;
}

function roundUp(bytes: number): number {
  const mega = 1024 * 1024;
  return Math.min(Math.ceil((bytes * 1.25) / mega) * mega, MESSAGE_BYTES_MAX);
}
