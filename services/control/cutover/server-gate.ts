/** Gates of sources and targets, by what they have answered. Pure. */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import type { ProbeAnswer } from '../../../shared/mysql/write-probe.ts';
import { unreachable } from '../../../shared/runtime/error.ts';
import { accountGates } from './account-gate.ts';
import { type Gate, open, passing, shut, unknown } from './gate.ts';
import type { OpenTransaction } from './server-look.ts';
import type { SourceFacts } from './source-facts.ts';
import type { TargetFacts } from './target-facts.ts';

/** A server that gives no answer shuts this gate alone: the others have nothing to go by. */
export function silent(where: string, why: string): Gate {
  return unknown('answers', where, why, null);
}

export function sourceGates(s: SourceFacts, limits: CutoverLimits): Gate[] {
  const kind = kindGate(s);
  if (kind.state !== 'open') return [kind];
  return [
    kind,
    grantGate(s),
    writableGate(s),
    applierGate(s.source, s.appliers),
    s.group === ''
      ? open('group', s.source, 'in no replication group')
      : shut('group', s.source, `in the replication group ${s.group}, which sets super_read_only`),
    transactionGate(s, limits),
    xaGate(s),
    ...fencedAccounts(s),
  ];
}

/** Of a server that is fenced by its accounts. */
export function fencedAccounts({ source, account, accounts }: SourceFacts): Gate[] {
  return accounts === null ? [] : accountGates(source, account, accounts);
}

/**
 * MariaDB's read_only stops no account that may set it, and there is no other: a fence that lets
 * some through is none.
 */
export function kindGate({ source, flavor, version, canPersist }: SourceFacts): Gate {
  if (flavor === 'mariadb') {
    const why = 'MariaDB has no super_read_only: accounts with READ ONLY ADMIN would write on';
    return shut('fence', source, why, 'freeze it by hand: docs/CUTOVER.md');
  }
  if (!canPersist) return shut('fence', source, `${version} has no SET PERSIST (MySQL 8.0)`);
  return open('fence', source, `of MySQL ${version}`);
}

/** What is persisted ON could not be put back after an undo without freezing the source. */
function writableGate({ source, isReadOnly, persistedOn }: SourceFacts): Gate {
  const what = 'writable';
  if (isReadOnly) return shut(what, source, 'read_only is ON: somebody else has frozen it');
  if (persistedOn.length === 0) return open(what, source, 'nobody has frozen it');
  const why = `${persistedOn.join(', ')} is persisted ON: a restart would freeze it`;
  return shut(what, source, why, persistedOn.map(name => `RESET PERSIST ${name};`).join(' '));
}

const OF_READ_ONLY = 'SYSTEM_VARIABLES_ADMIN';
const OTHER_FENCE = '-- where nobody may have it, another fence: `cutover.fence`';

export function grantGate({ source, missing, account }: SourceFacts): Gate {
  if (missing.length === 0) return open('account', source, `${account} may freeze it`);
  const names = missing.map(m => m.replace(/ \(.*$/, '')).join(', ');
  const why = `${account} lacks ${missing.join(', ')}`;
  const other = missing.some(m => m.startsWith(OF_READ_ONLY)) ? ` ${OTHER_FENCE}` : '';
  return shut('account', source, why, `GRANT ${names} ON *.* TO ${account};${other}`);
}

function applierGate(where: string, appliers: readonly string[]): Gate {
  if (appliers.length === 0) return open('appliers', where, 'it applies nobody else');
  const why = `replication goes on writing to it: ${appliers.join(', ')}`;
  return shut('appliers', where, why, 'STOP REPLICA; -- or cut over from its own source');
}

function transactionGate({ source, transactions }: SourceFacts, o: CutoverLimits): Gate {
  const limit = `limit ${o.maxTransactionSeconds} s`;
  const may = 'the account needs PROCESS';
  if (transactions === null) return unknown('transactions', source, 'not shown', may);
  if (transactions.length === 0) {
    return open('transactions', source, `none is open for long (${limit})`);
  }
  const why = `open for long (${limit}): ${threadsText(transactions)}`;
  return shut('transactions', source, why, 'wait for them, or end them: KILL <thread>;');
}

/** Where an application uses them one is prepared at almost any moment, and ends soon after. */
function xaGate({ source, preparedXa }: SourceFacts): Gate {
  if (preparedXa === null) {
    return unknown('XA', source, 'not shown', 'the account needs XA_RECOVER_ADMIN');
  }
  if (preparedXa === 0) return open('XA', source, 'no prepared XA transaction');
  const fix = 'XA RECOVER; -- end those that nobody will end';
  return passing('XA', source, `${preparedXa} prepared XA transactions`, fix);
}

/** Before anything is frozen, the account of the probe must be able to write. */
export function probeGate(source: string, answer: ProbeAnswer | null): Gate {
  const fix = 'an account that may UPDATE the tables of the job, like that of the application';
  if (answer === null) {
    return shut('probe', source, 'the job file names no account (cutover.probe)', fix);
  }
  switch (answer.kind) {
    case 'accepted':
      return open('probe', source, 'the account can write now; frozen, it must be refused');
    case 'refused':
      return shut('probe', source, `it cannot write even now: ${answer.text}`, fix);
    case 'untried':
      return open('probe', source, 'no row moves from here: its fence is looked at, not tried');
    case 'locked': {
      const again = 'wait for who holds the lock (SHOW PROCESSLIST;), then ask again';
      return unknown('probe', source, `locked by another transaction: ${answer.text}`, again);
    }
    case 'unclear':
      return unknown('probe', source, answer.text, fix);
    default:
      return unreachable(answer);
  }
}

/** A freeze is of a server, with all of its databases. */
export function serverGate(t: TargetFacts, sources: readonly SourceFacts[]): Gate[] {
  const same = sources.find(s => s.serverUuid === t.serverUuid && s.serverUuid !== '');
  if (same === undefined) return [];
  return [shut('server', t.target, `it is on the server of ${same.source}, which will be frozen`)];
}

/** `isHeld`: it takes our writes alone since the application has left it, and will be let go. */
export function targetGates(t: TargetFacts, isHeld = false): Gate[] {
  const { target, triggers } = t;
  return [
    t.isReadOnly && !isHeld
      ? shut('writable', target, 'read_only is ON', 'SET GLOBAL read_only = OFF;')
      : open('writable', target, 'takes writes'),
    applierGate(target, t.appliers),
    triggers.length === 0
      ? open('triggers', target, 'none on its tables')
      : shut('triggers', target, `they fire for our writes, too: ${triggers.join(', ')}`),
    eventGate(t),
    writerGate(t),
  ];
}

function eventGate({ target, events, account, database }: TargetFacts): Gate {
  if (events === null) {
    const why = 'the event scheduler is on, and its events are not shown';
    return unknown('events', target, why, `GRANT EVENT ON \`${database}\`.* TO ${account};`);
  }
  if (events.length === 0) return open('events', target, 'none runs by itself');
  const fix = 'ALTER EVENT <name> DISABLE; -- and enable it in the open command';
  return shut('events', target, `they run by themselves: ${events.join(', ')}`, fix);
}

function writerGate({ target, writers, account }: TargetFacts): Gate {
  const fix = `GRANT PROCESS ON *.* TO ${account};`;
  if (writers === null) return unknown('other writers', target, 'not shown', fix);
  if (writers.length === 0) return open('other writers', target, 'none at this moment');
  const why = `other accounts have changed rows: ${threadsText(writers)}`;
  return shut('other writers', target, why, 'the application comes after the cutover');
}

const SHOWN = 5;

function threadsText(list: readonly OpenTransaction[]): string {
  const texts = list.map(t => `thread ${t.thread} (${t.seconds} s, ${t.rows} rows changed)`);
  const more = list.length > SHOWN ? ` and ${list.length - SHOWN} more` : '';
  return `${texts.slice(0, SHOWN).join(', ')}${more}`;
}
