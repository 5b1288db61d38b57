/**
 * Server variables that the pipeline depends on, as one table: a rule holds, or gives a finding.
 * Wrong values do not fail loudly by themselves: they leave columns or whole transactions out of
 * the binlog, which would be rows missing on a target.
 */
import { domainFaults } from '../../../../shared/change/gtid-domain.ts';
import type { Flavor } from '../../../../shared/mysql/connect.ts';
import type { Finding, Level } from '../../../../shared/mysql/finding.ts';
import type { ServerFacts } from '../../../../shared/mysql/inspect.ts';

export interface SettingRule {
  code: string;
  variable: string;
  /** Only this flavor has it, or means it so. */
  flavor?: Flavor;
  level?: Level;
  wanted: string;
  why: string;
  /** Called with the value in upper case; by default it must equal `wanted`. */
  holds?: (value: string) => boolean;
  /** Not dynamic: needs the configuration file and a restart. */
  restart?: boolean;
}

const ROW_LOG = 'Changes are read from the binary log, as full row images.';

export const SOURCE_RULES: readonly SettingRule[] = [
  {
    code: 'log-bin',
    variable: 'log_bin',
    wanted: 'ON',
    why: 'Without a binary log, changes made during the copy cannot be seen.',
    restart: true,
  },
  {
    code: 'binlog-format',
    variable: 'binlog_format',
    wanted: 'ROW',
    why: `${ROW_LOG} In another format a change is logged as a statement. Open connections keep the old value: let them reconnect.`,
  },
  {
    code: 'binlog-row-image',
    variable: 'binlog_row_image',
    wanted: 'FULL',
    why: `${ROW_LOG} With another setting unchanged columns are missing. Open connections keep the old value: let them reconnect.`,
  },
  {
    code: 'binlog-row-metadata',
    variable: 'binlog_row_metadata',
    wanted: 'FULL',
    why: 'Names, signs and character sets of columns must come with the events: read later from the server, they may already be those of another table definition.',
  },
  {
    code: 'binlog-row-value-options',
    variable: 'binlog_row_value_options',
    flavor: 'mysql',
    wanted: '',
    why: 'With PARTIAL_JSON an update of a JSON column is logged as a difference and not as a value. Open connections keep the old value: let them reconnect.',
  },
  {
    code: 'binlog-order-commits',
    variable: 'binlog_order_commits',
    flavor: 'mysql',
    wanted: 'ON',
    why: 'Transactions must become visible in the order of the binary log: chunks of the copy are merged by it.',
  },
  {
    code: 'binlog-checksum',
    variable: 'binlog_checksum',
    level: 'warning',
    wanted: 'CRC32',
    why: 'Without checksums an event damaged on disk goes unnoticed. Change it before the job starts, not while it runs: the reader takes the present setting for all files.',
  },
  {
    code: 'sync-binlog',
    variable: 'sync_binlog',
    level: 'warning',
    wanted: '1',
    why: 'When the machine crashes, the newest transactions may be missing from the binary log although the pipeline has them; the server then gives their numbers to others. The job stops (history-changed), and its tables must be copied anew.',
  },
  {
    code: 'flush-log-at-commit',
    variable: 'innodb_flush_log_at_trx_commit',
    level: 'warning',
    wanted: '1',
    why: 'When the machine crashes, transactions of the last second may be missing from the tables although the pipeline has them: the targets would hold rows that the source has lost.',
  },
];

export const TARGET_RULES: readonly SettingRule[] = [
  {
    code: 'target-binlog-format',
    variable: 'binlog_format',
    wanted: 'ROW',
    holds: value => value !== 'STATEMENT',
    why: 'InnoDB refuses writes of READ COMMITTED transactions when they are logged as statements.',
  },
  {
    code: 'target-read-only',
    variable: 'read_only',
    wanted: 'OFF',
    holds: value => /^(OFF|0|FALSE|NO)$/.test(value),
    why: 'The target takes no writes; on a replica they would be lost or break replication.',
  },
  {
    code: 'target-offline-mode',
    variable: 'offline_mode',
    flavor: 'mysql',
    wanted: 'OFF',
    why: 'The target drops connections of ordinary users.',
  },
];

function sqlValue(wanted: string): string {
  return /^(ON|OFF|\d+)$/.test(wanted) ? wanted : `'${wanted}'`;
}

/** The statement that sets a global variable so that it survives a restart, where there is one. */
export function setGlobal(flavor: Flavor, variable: string, wanted: string): string {
  const value = sqlValue(wanted);
  if (flavor === 'mysql') return `SET PERSIST ${variable} = ${value};`;
  return `SET GLOBAL ${variable} = ${value}; -- and in the configuration file, for a restart`;
}

function fixOf(rule: SettingRule, flavor: Flavor): string {
  if (rule.restart !== true) return setGlobal(flavor, rule.variable, rule.wanted);
  const line = rule.wanted === 'ON' ? rule.variable : `${rule.variable} = ${rule.wanted}`;
  return `put \`${line}\` under [mysqld] in the server's configuration file and restart it`;
}

/** Findings for every rule that does not hold. A variable that the server lacks says nothing. */
export function checkSettings(
  rules: readonly SettingRule[],
  flavor: Flavor,
  facts: ServerFacts,
  where: string,
): Finding[] {
  return rules.flatMap((rule): Finding[] => {
    if (rule.flavor !== undefined && rule.flavor !== flavor) return [];
    const value = facts.get(rule.variable);
    if (value === undefined) return [];
    const upper = value.toUpperCase();
    if (rule.holds ? rule.holds(upper) : upper === rule.wanted) return [];
    return [
      {
        level: rule.level ?? 'blocker',
        code: rule.code,
        where,
        what: `${rule.variable} is ${value === '' ? 'empty' : value}, not ${rule.wanted === '' ? 'empty' : rule.wanted}`,
        why: rule.why,
        fix: fixOf(rule, flavor),
      },
    ];
  });
}

const GTID_STEPS = ['OFF', 'OFF_PERMISSIVE', 'ON_PERMISSIVE', 'ON'];

/** MySQL's gtid_mode can only be raised one step at a time, so the fix lists the steps left. */
export function checkGtid(flavor: Flavor, facts: ServerFacts, where: string): Finding[] {
  if (flavor === 'mariadb') return checkDomains(facts, where);
  const mode = facts.text('gtid_mode').toUpperCase();
  const enforce = facts.text('enforce_gtid_consistency').toUpperCase();
  if (mode === 'ON' && enforce === 'ON') return [];
  const steps: string[] = [];
  if (enforce !== 'ON') steps.push(setGlobal(flavor, 'enforce_gtid_consistency', 'ON'));
  for (const step of GTID_STEPS.slice(GTID_STEPS.indexOf(mode) + 1)) {
    steps.push(setGlobal(flavor, 'gtid_mode', step));
  }
  return [
    {
      level: 'blocker',
      code: 'gtid-mode',
      where,
      what: `gtid_mode is ${mode || 'not there'}, enforce_gtid_consistency is ${enforce || 'not there'}`,
      why: 'Transactions are told apart and resumed by their GTID; file and position do not survive a failover, and are ahead of what a SELECT sees.',
      fix: steps.join(' '),
    },
  ];
}

const DOMAINS =
  'A position is one number of a domain, and stands for all before it: with numbers that go back, changes are taken for known, or come twice. The pipeline stops at the first one.';

/** MariaDB: numbers of a domain must rise in the binary log. */
function checkDomains(facts: ServerFacts, where: string): Finding[] {
  const isStrict = facts.isOn('gtid_strict_mode');
  const [state, position] = [facts.text('gtid_binlog_state'), facts.text('gtid_binlog_pos')];
  const found = domainFaults(state, position, isStrict).map((fault): Finding => {
    if (fault.kind === 'servers') {
      return {
        level: 'blocker',
        code: 'gtid-strict-mode',
        where,
        what: `gtid_strict_mode is OFF, and ${fault.servers} servers have written to domain ${fault.domain}`,
        why: DOMAINS,
        fix: setGlobal('mariadb', 'gtid_strict_mode', 'ON'),
      };
    }
    return {
      level: 'blocker',
      code: 'gtid-went-back',
      where,
      what: `${fault.last} came after ${fault.highest}`,
      why: DOMAINS,
      fix: `${setGlobal('mariadb', 'gtid_strict_mode', 'ON')} -- then write to any table of the source: its number will be the highest again`,
    };
  });
  if (isStrict || found.length > 0) return found;
  return [
    {
      level: 'warning',
      code: 'gtid-strict-mode',
      where,
      what: 'gtid_strict_mode is OFF',
      why: DOMAINS,
      fix: setGlobal('mariadb', 'gtid_strict_mode', 'ON'),
    },
  ];
}
