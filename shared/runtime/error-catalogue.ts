/**
 * What each kind of error is to an operator: one total table beside the union. docs/ERRORS.md is
 * printed from it, `reshard errors` shows it, and an error that carries no remedy of its own is told
 * with the one of its kind, so that no error that waits for somebody is without one.
 */
import type { ErrorKind } from './error.ts';

export interface CatalogueEntry {
  means: string;
  /** What it usually comes from. */
  causes: string;
  /** What the operator does; where nothing has to be done, that. */
  remedy: string;
}

export const CATALOGUE: Record<ErrorKind, CatalogueEntry> = {
  config: {
    means: 'the job file, an option or an environment variable is wrong',
    causes: 'a missing or misspelt field, a variable that is not set, a job that is not there',
    remedy: 'correct what the message names, then start again; `reshard schema` lists all fields',
  },
  unreachable: {
    means: 'a server cannot be reached, or dropped the connection',
    causes: 'it is down or restarting, its address is wrong, a firewall or the network is between',
    remedy: 'start it, or correct its address in the job file; check firewalls between',
  },
  denied: {
    means: 'a server refuses the login or a privilege',
    causes:
      'a wrong user or password, an account without the rights that `reshard doctor <job file>` prints',
    remedy: 'correct user and password in the job file, or create the account and grant its rights',
  },
  'server-setting': {
    means: 'a server has a setting under which data could be lost',
    causes: 'binlog format or row image, topics or limits that are not as the job needs them',
    remedy: 'run `reshard doctor <job file>` and apply the fixes that it prints',
  },
  source: {
    means: 'the source failed in a way that a new attempt from the durable state may cure',
    causes: 'a lock wait, a statement that was killed, a restart of the server',
    remedy:
      'none while it passes; if it comes again and again, look at the error log of the source',
  },
  target: {
    means: 'the target failed in a way that a new attempt may cure',
    causes: 'a deadlock, a lock wait, a restart, a disk that is full',
    remedy:
      'none while it passes; if it comes again and again, look at the error log of the target',
  },
  'target-data': {
    means: 'the target refuses data, and would refuse it again',
    causes: 'a target table that is not like the source table, a constraint or trigger on it',
    remedy: 'make the target table like the source table: the rows that wait are then tried again',
  },
  broker: {
    means: 'a broker failed, or gave an answer that it should not; nothing was committed by us',
    causes: 'a broker that restarts, too few replicas in sync, a disk that is full',
    remedy: 'none while it passes; if it comes again and again, look at the logs of the brokers',
  },
  registry: {
    means: 'the schema registry failed, or refuses a schema',
    causes: 'it is down or restarting, or a subject holds a schema of another table',
    remedy:
      'none while it passes; else `reshard doctor <job file>` names the subject that stands in the way',
  },
  fenced: {
    means: 'another owner has taken over, so this member may change nothing more',
    causes: 'a member that was paused or cut off for longer than its session',
    remedy: 'nothing: the member starts anew and waits for its turn',
  },
  'lease-lost': {
    means: 'the lease of a member is gone',
    causes: 'heartbeats that came too late: a machine that is overloaded, or paused',
    remedy: 'nothing once; if it comes often, give the machine more room or raise sessionTimeoutMs',
  },
  'foreign-job': {
    means: 'a record, topic or row is of another job, or of one of that name that was there before',
    causes: 'a source name used twice, what a finished job or an older version has left, a drop',
    remedy:
      'name the source or the job otherwise; or, if the other job is done with, ' +
      '`reshard drop <its job file>`',
  },
  'job-changed': {
    means: 'the job file, or a server behind a name in it, is not what the job was made with',
    causes: 'partitions, tables, servers or the route edited in the file of a running job',
    remedy:
      'undo it in the job file; `reshard apply <job file> --dry-run` tells what can be taken up ' +
      'while the job runs',
  },
  'position-lost': {
    means: 'the binlog that is needed next is gone from the source',
    causes: 'binlogs were purged or reset while the job was behind, or the server is another one',
    remedy: '`reshard recopy <job file> --source <name>` copies the tables of the source anew',
  },
  'history-changed': {
    means: 'the transactions of the source are others than those of the same numbers in the log',
    causes:
      'the source was reset, restored from an older copy, or lost its newest transactions in a crash; on MariaDB, several servers that write to one domain without gtid_strict_mode',
    remedy:
      '`reshard recopy <job file> --source <name>` copies the tables anew and goes on from now',
  },
  'history-lost': {
    means: 'a topic is not the one that was read or written before, or lost a part of it',
    causes:
      'retention shorter than the time that a reader was away (trimmed), a topic that was deleted ' +
      'or made again, a broker that lost the end of its log (truncated); `loss` says which',
    remedy: '`reshard recopy <job file> --source <name>` copies the tables of the source anew',
  },
  'schema-changed': {
    means: 'a table is no longer what the job was planned with',
    causes: 'a DDL statement on the source, or a target table that was altered',
    remedy:
      '`reshard ddl show <job file>` says what came, what the targets need, and whether the log can' +
      ' go on there (`reshard ddl apply <job file>`) or the table is copied anew' +
      ' (`reshard recopy <job file> --source <name>`)',
  },
  'unsupported-type': {
    means: 'a column has a type that is not carried yet',
    causes: 'a table with a type that docs/TYPES.md lists as refused',
    remedy: 'leave the table out of the job, or change the type of the column',
  },
  'value-not-carried': {
    means: 'a value cannot be carried exactly',
    causes:
      'JSON values of column types that no statement makes, bytes that are no text of their charset',
    remedy:
      'correct the value on the source, then `reshard recopy <job file> --source <name> --tables <table>`',
  },
  'unsafe-event': {
    means: 'the binlog holds something that cannot be replayed exactly',
    causes:
      'a minimal row image, a statement in place of rows, an XA transaction of MariaDB or MySQL before 8.0.30, or one whose' +
      ' rows are not in the binlog any more',
    remedy:
      'end what wrote it (`reshard doctor <job file>` names settings), then `reshard recopy <job file> --source <name>`',
  },
  'too-large': {
    means: 'a row is larger than a message or a packet may be',
    causes: 'a long text or blob above maxMessageBytes, or above max_allowed_packet of a target',
    remedy:
      'raise the limit that the message names; `reshard doctor <job file>` prints all that belong to it',
  },
  collision: {
    means: 'the same primary or unique key comes from two places',
    causes: 'two sources with the same keys, or a row that somebody else wrote on the target',
    remedy: 'decide which of the rows is right and delete or change the other one at its source',
  },
  corrupt: {
    means: 'bytes do not decode',
    causes:
      'a record that another program wrote into a topic of ours, or a registry that lost data',
    remedy: 'keep other writers off the topic, then `reshard recopy <job file> --source <name>`',
  },
  bug: {
    means: 'something that must not be possible: a defect of Reshard',
    causes: 'a case that nobody has foreseen',
    remedy: 'report it with this message and the log; data stay as they are, a restart is safe',
  },
};

export const KINDS: readonly ErrorKind[] = Object.keys(CATALOGUE).filter(isKind);

function isKind(text: string): text is ErrorKind {
  return Object.hasOwn(CATALOGUE, text);
}

/** The kind of that name, if there is one. */
export function kindNamed(text: string): ErrorKind | undefined {
  return isKind(text) ? text : undefined;
}
