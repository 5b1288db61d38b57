/** What the end of a dump means: error 1236 alone covers five causes with different remedies. */
import { mapMysqlError } from '../../../shared/mysql/mysql-error.ts';
import { type ErrorContext, type ErrorKind, ReshardError } from '../../../shared/runtime/error.ts';

const FATAL_READ: [RegExp, ErrorKind, string][] = [
  [
    /purged|could not find (first log|gtid state)|not in the (master|source)'s binlog/i,
    'position-lost',
    'the binlog that is needed is gone: `reshard recopy <job file> --source <name>` copies the' +
      ' tables anew and goes on from now; keep binlogs longer (binlog_expire_logs_seconds)',
  ],
  [
    /more (gtids|transactions) than|diverged/i,
    'position-lost',
    'the source has lost transactions that the log holds (an old backup or replica?): bring back' +
      ' the right server, or `reshard recopy <job file> --source <name>` to go on with this one',
  ],
  [
    /gtid_mode|auto_position/i,
    'server-setting',
    'SET GLOBAL gtid_mode = ON on the source, step by step, and FLUSH BINARY LOGS, as the file that' +
      ' holds such a transaction cannot be read by global ids; then' +
      ' `reshard recopy <job file> --source <name>`',
  ],
  [
    /max_allowed_packet/i,
    'too-large',
    'SET GLOBAL max_allowed_packet and replica_max_allowed_packet to 1073741824 on the source',
  ],
  [
    /same server_?(uuid|id)/i,
    'source',
    'another reader uses our server id: give the source a serverId of its own in the job file',
  ],
];

export function dumpError(e: unknown, context: ErrorContext): ReshardError {
  if (e instanceof ReshardError) return e;
  if (typeof e === 'string') return new ReshardError('unreachable', e, { context });
  const message = e instanceof Error ? e.message : String(e);
  const errno = typeof e === 'object' && e !== null && 'errno' in e ? e.errno : undefined;
  if (errno === 1236 || errno === 1945) {
    const known = FATAL_READ.find(([pattern]) => pattern.test(message));
    return new ReshardError(known?.[1] ?? 'source', message, {
      cause: e,
      context: { ...context, errno },
      remedy: known?.[2],
    });
  }
  // zongji says so once for each instance, then goes on without the rows.
  if (/PARTIAL_UPDATE_ROWS_EVENT/.test(message)) {
    return new ReshardError('unsafe-event', message, { cause: e, context });
  }
  return mapMysqlError(e, { ...context, side: 'source' });
}
