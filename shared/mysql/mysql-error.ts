/**
 * Server and network errors as kinds of ours. One table, because the kind decides whether a unit
 * starts again or stops (runtime/error-policy.ts). What is not listed falls back to its SQLSTATE
 * class, and then to `bug`: an error nobody foresaw stops the unit and is looked at.
 */
import { type ErrorContext, type ErrorKind, ReshardError } from '../runtime/error.ts';

/** Which database failed: decides between `source` and `target` for passing faults. */
export type Side = 'source' | 'target';

export interface MysqlErrorContext extends ErrorContext {
  side: Side;
}

/** Somebody else holds a lock for longer than the session waits. */
export const LOCK_WAIT_TIMEOUT = 1205;

type Verdict = ErrorKind | 'passing';

const BY_ERRNO = new Map<number, Verdict>();
function rule(verdict: Verdict, errnos: number[]): void {
  for (const errno of errnos) BY_ERRNO.set(errno, verdict);
}
// Too many connections, shutdown, killed session or connection, network faults, idle timeout.
rule('unreachable', [1040, 1043, 1053, 1077, 1079, 1080, 1129, 1158, 1159, 1160, 1161]);
rule('unreachable', [1152, 1184, 1203, 1226, 1927, 2006, 2013, 3032, 3168, 3169, 4031]);
rule('denied', [1044, 1045, 1130, 1131, 1133, 1142, 1143, 1227, 1251, 1275, 1370, 1410]);
rule('denied', [1419, 1524, 1698, 1820, 1862, 3118, 3159, 3955, 4151]);
rule('config', [1049, 1102]);
rule('schema-changed', [1051, 1054, 1072, 1091, 1146, 1412, 3723]);
// Lock wait, deadlock, interrupted, disk or table full, read-only, snapshot too old. Numbers below
// 1000 are of the server's files: a temporary file or the binlog cache that cannot be written.
rule('passing', [3, 20, 1026, LOCK_WAIT_TIMEOUT]);
rule('passing', [1020, 1021, 1030, 1037, 1038, 1041, 1114, 1180, 1206, 1213, 1290]);
rule('passing', [1305, 1317, 1637, 1792, 1836, 1969, 3024, 3058, 3100, 3101, 3572, 3887]);
rule('too-large', [1153, 1301]);
rule('position-lost', [1236, 1789, 1955]);
// Null, duplicate, range, truncation, bad text, JSON, check, foreign key, partition, trigger,
// vector.
rule('target-data', [1022, 1048, 1062, 1118, 1136, 1169, 1216, 1217, 1264, 1265, 1292, 1300]);
rule('target-data', [1364, 1365, 1366, 1367, 1406, 1411, 1416, 1438, 1451, 1452, 1526, 1557]);
rule('target-data', [1525, 1586, 1644, 1690, 1748, 1761, 1762, 3105, 3140, 3141, 3156, 3819]);
rule('target-data', [3854, 3903, 4025, 4161, 6136]);

const BY_STATE: Record<string, Verdict> = {
  '08': 'unreachable',
  '22': 'target-data',
  '23': 'target-data',
  '28': 'denied',
  '40': 'passing',
  '70': 'passing',
};

const REMEDY: Record<number, string> = {
  3: 'Free disk space on the server; the work goes on by itself.',
  20: 'Free disk space on the server; the work goes on by itself.',
  1021: 'Free disk space on the server; the work goes on by itself.',
  1026: 'Free disk space on the server; the work goes on by itself.',
  1030: 'Look at the disk of the server; the work goes on by itself.',
  1045: 'Check user and password in the job file.',
  1049: 'Create the database, or correct its name in the job file.',
  1114: 'Free disk space on the server; the work goes on by itself.',
  1153: 'Raise max_allowed_packet on the server: SET GLOBAL max_allowed_packet = 1073741824',
  1290: 'Make the server writable: SET GLOBAL super_read_only = OFF, read_only = OFF',
  1836: 'Make the server writable: SET GLOBAL super_read_only = OFF, read_only = OFF',
  6136: 'UPDATE the row at the source to a vector that has numbers; the rest is automatic.',
};

interface Fault {
  errno: number | undefined;
  code: string | undefined;
  sqlState: string | undefined;
  message: string;
}

function faultOf(e: unknown): Fault {
  const fault: Fault = { errno: undefined, code: undefined, sqlState: undefined, message: '' };
  if (typeof e !== 'object' || e === null) return { ...fault, message: String(e) };
  if ('message' in e) fault.message = String(e.message);
  if ('errno' in e && typeof e.errno === 'number') fault.errno = e.errno;
  if ('code' in e && typeof e.code === 'string') fault.code = e.code;
  if ('sqlState' in e && typeof e.sqlState === 'string') fault.sqlState = e.sqlState;
  return fault;
}

/** Codes of Node's sockets and TLS and of mysql2; not of Node's buffers (ERR_OUT_OF_RANGE). */
const CONNECTION_CODE =
  /^(E[A-Z]{3,}|(PROTOCOL|HANDSHAKE|CERT|UNABLE|SELF|DEPTH|ERR_(SSL|TLS|SOCKET|STREAM))_)/;

/** Node's and mysql2's own failures: no statement was answered by the server. */
function isConnectionFault(fault: Fault): boolean {
  if (fault.errno !== undefined && fault.errno > 0) return false;
  if (CONNECTION_CODE.test(fault.code ?? '')) return true;
  return /closed state|Connection lost|secure connection/i.test(fault.message);
}

function verdictOf(fault: Fault): Verdict {
  if (isConnectionFault(fault)) return 'unreachable';
  const known = fault.errno === undefined ? undefined : BY_ERRNO.get(fault.errno);
  return known ?? BY_STATE[fault.sqlState?.slice(0, 2) ?? ''] ?? 'bug';
}

/** The error as a ReshardError; `errno` and `sqlState` are in its context. */
export function mapMysqlError(e: unknown, context: MysqlErrorContext): ReshardError {
  if (e instanceof ReshardError) return e;
  const fault = faultOf(e);
  const verdict = verdictOf(fault);
  let kind: ErrorKind = verdict === 'passing' ? context.side : verdict;
  // A read cannot be refused for its data: on the source that is a statement of ours gone wrong.
  if (kind === 'target-data' && context.side === 'source') kind = 'bug';
  const errno = fault.errno !== undefined && fault.errno > 0 ? fault.errno : undefined;
  return new ReshardError(kind, fault.message, {
    cause: e,
    context: { ...context, errno, code: errno ? undefined : fault.code, sqlState: fault.sqlState },
    remedy: errno === undefined ? undefined : REMEDY[errno],
  });
}

/** The server's error number, if the error came from a server. */
export function errnoOf(e: unknown): number | undefined {
  if (!(e instanceof ReshardError)) return undefined;
  const { errno } = e.context;
  return typeof errno === 'number' ? errno : undefined;
}
