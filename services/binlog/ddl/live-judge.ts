/**
 * Judges statements by what the source shows of itself now. A data change as text is harmless only
 * if all of this can be seen: its targets are base tables that keep their rows themselves, without
 * triggers, and no foreign key carries their changes on; it reads no view and calls no stored
 * routine. Our account may not be allowed to see triggers of other databases; what it may not see
 * does not count as absent.
 */
import { type Flavor, GtidSet } from '../../../shared/change/gtid.ts';
import type { JobSource } from '../../../shared/job/job.ts';
import type { Trust } from '../../../shared/job/state/progress-view.ts';
import { logsCascades } from '../../../shared/mysql/cascade.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, type Grant, readAccount } from '../../../shared/mysql/grant.ts';
import { quoteId } from '../../../shared/mysql/identifier.ts';
import { inspectTable, serverFacts } from '../../../shared/mysql/inspect.ts';
import { asReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import {
  declaredAs,
  fixedColumns,
  isTakenUp,
  type PrintedColumn,
  type WiderColumn,
  widenedBy,
  widerThen,
  withGone,
  withoutDrops,
  withoutLater,
} from '../../../shared/schema/column-widening.ts';
import { inPlannedOrder } from '../../../shared/schema/table-growth.ts';
import {
  rowKeyNames,
  schemaFingerprint,
  type TableSchema,
} from '../../../shared/schema/table-schema.ts';
import type { AlterEffect } from './alter.ts';
import type { DataStatement } from './data-statement.ts';
import type { Doubt, FollowedTables, StatementJudge } from './judge.ts';
import { isNative } from './native-function.ts';
import type { Definition } from './statement.ts';
import type { Name } from './words.ts';

/** A statement with more words than this is not one that a person or a tool has written. */
const WORDS_MAX = 2000;
/** Answers that are kept; what logs statements does so with few texts, many times. */
const KNOWN_MAX = 1000;
/** Foreign keys are followed up to this many tables. */
const REACH_MAX = 1000;
/** Engines that keep the rows of a table in the table itself. */
const OWN_ROWS = /^(InnoDB|MyISAM|Aria|MEMORY|ARCHIVE|CSV|BLACKHOLE|RocksDB)$/i;
/** Who sees this database without a right on it sees all that there are. */
const ALWAYS_THERE = 'mysql';
/** Mark in the names of what is trusted; no word of a statement begins so. */
const REDECLARED = 'columns of ';
const ACTING = "('CASCADE', 'SET NULL', 'SET DEFAULT')";

export interface LiveJudgeOptions {
  source: JobSource;
  flavor: Flavor;
  log: Logger;
  /** What an earlier reader's answers still rest on. */
  trust: Trust | null;
  /** Columns by which rows of a table find their target. */
  routed: (schema: TableSchema) => readonly string[];
}

export class LiveJudge implements StatementJudge {
  readonly #o: LiveJudgeOptions;
  /** By the statement without its values: null was the answer. */
  readonly #known = new Set<string>();
  #until: GtidSet | null;
  /** Names that the trusted answers rest on, in lower case. */
  readonly #names: Set<string>;

  constructor(o: LiveJudgeOptions) {
    this.#o = o;
    this.#until = o.trust === null ? null : GtidSet.parse(o.trust.until, o.flavor);
    this.#names = new Set(o.trust?.names);
  }

  ofData(statement: DataStatement, ours: FollowedTables): Doubt | Promise<Doubt> {
    const plain = fromText(statement, this.#o.flavor);
    if (plain !== null) return plain;
    const shape = JSON.stringify([statement.targets, statement.databases, statement.words]);
    if (this.#known.has(shape)) return null;
    return this.#ask(statement, ours, shape);
  }

  async #ask(statement: DataStatement, ours: FollowedTables, shape: string): Promise<Doubt> {
    const { source, log } = this.#o;
    await using session = await MysqlSession.open(source, { role: 'read', log });
    const { grants, name } = await readAccount(session);
    const doubt = await new Inspection(session, grants, name, ours).ofData(statement);
    if (doubt !== null) return doubt;
    await this.#restOn(
      session,
      statement.targets.map(t => t.name.toLowerCase()),
    );
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.add(shape);
    return null;
  }

  /**
   * Only where no earlier such change of these columns is still trusted: what they are now would be
   * the work of both.
   */
  async widened(
    { declared, redeclared }: AlterEffect,
    planned: TableSchema,
    read: () => GtidSet,
  ): Promise<readonly WiderColumn[]> {
    this.#close(read);
    if (this.#isRedeclared(planned, redeclared)) return [];
    const { source, log, routed } = this.#o;
    await using session = await MysqlSession.open(source, { role: 'read', log });
    const now = await tableNow(session, planned);
    if (now === null) return [];
    const fixed = fixedColumns(planned, routed(planned));
    const printed = await printedColumns(session, now);
    const { table, types } = withGone(planned, withoutLater(planned, now, redeclared), was => {
      const here = declared.find(d => d.name === was.name.toLowerCase());
      return here && declaredAs(here, was);
    });
    for (const [name, type] of types) printed.set(name, { type, expression: '' });
    const then = widerThen(planned, table, declared, name => printed.get(name)?.type ?? '');
    for (const [name, { type }] of then) {
      printed.set(name, { type, expression: printed.get(name)?.expression ?? '' });
    }
    const columns = table.columns.map(c => then.get(c.name)?.is ?? c);
    return widenedBy(declared, { planned, now: { ...table, columns }, printed, fixed });
  }

  async ofTable(effect: AlterEffect, planned: TableSchema, read: () => GtidSet): Promise<Doubt> {
    this.#close(read);
    const { source, log } = this.#o;
    await using session = await MysqlSession.open(source, { role: 'read', log });
    if (effect.acts && !logsCascades(session, await serverFacts(session))) {
      return { why: 'a foreign key changes its rows, which this server does not log' };
    }
    return effect.redeclares ? await this.#sameColumns(session, planned, effect) : null;
  }

  /**
   * What the server shows may be the work of a later statement that has undone this one: until the
   * stream has come to where the answer was given, a second one of the kind is doubted, unless both
   * name their columns, and those are other ones. Other columns that came or got wider do not
   * count: each is at its own statement.
   */
  async #sameColumns(
    session: MysqlSession,
    planned: TableSchema,
    { redeclared, declared }: AlterEffect,
  ): Promise<Doubt> {
    if (this.#isRedeclared(planned, redeclared)) {
      return {
        why: 'columns were declared anew before, or converted, and it cannot be told what they were',
      };
    }
    // By its own place it is known what it did, whatever later ones have done since.
    if (isTakenUp(planned, redeclared, declared)) return null;
    const present = await tableNow(session, planned);
    if (present === null) return { why: 'there is no such table now' };
    const here = withoutLater(planned, present, redeclared);
    const now = withoutDrops(planned, here, redeclared, declared);
    if (schemaFingerprint(inPlannedOrder(now, planned)) !== schemaFingerprint(planned)) {
      return { why: 'the table is not as it was planned any more' };
    }
    const all = redeclaredName(planned);
    await this.#restOn(session, redeclared?.map(name => `${all}.${name}`) ?? [all]);
    return null;
  }

  /** An answer about an earlier such change of the columns (null: of any) is still trusted. */
  #isRedeclared(planned: TableSchema, columns: readonly string[] | null): boolean {
    if (this.#until === null) return false;
    const all = redeclaredName(planned);
    if (this.#names.has(all)) return true;
    if (columns !== null) return columns.some(name => this.#names.has(`${all}.${name}`));
    return [...this.#names].some(name => name.startsWith(`${all}.`));
  }

  onDefinition(definition: Definition, read: () => GtidSet): Doubt {
    this.#known.clear();
    this.#close(read);
    if (this.#until === null || !definition.removes) return null;
    // What columns are rests on no program.
    const isOfData = [...this.#names].some(name => !name.startsWith(REDECLARED));
    const isMeant =
      (definition.program && isOfData) || definition.words.some(w => this.#names.has(w));
    if (!isMeant) return null;
    return {
      why:
        'a trigger, view, routine or table was changed after a data change that was logged as a' +
        ' statement had been judged by it',
    };
  }

  trust(read: () => GtidSet): Trust | null {
    this.#close(read);
    if (this.#until === null) return null;
    return { until: this.#until.toString(), names: [...this.#names] };
  }

  /** Read behind the answer: what changed while we were asking is still to come in the stream. */
  async #restOn(session: MysqlSession, names: readonly string[]): Promise<void> {
    const until = await executed(session);
    this.#until = this.#until === null ? until : this.#until.union(until);
    for (const name of names) this.#names.add(name);
  }

  /** All that was there when we asked has been read. */
  #close(read: () => GtidSet): void {
    if (this.#until === null || !read().covers(this.#until)) return;
    this.#until = null;
    this.#names.clear();
  }
}

const redeclaredName = ({ table }: TableSchema): string => `${REDECLARED}${table}`;

async function printedColumns(
  session: MysqlSession,
  { db, table }: TableSchema,
): Promise<Map<string, PrintedColumn>> {
  const rows = await session.query<{ name: string; type: string; expression: string | null }>(
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, GENERATION_EXPRESSION AS expression
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [db, table],
  );
  return new Map(rows.map(r => [r.name, { type: r.type, expression: r.expression ?? '' }]));
}

/** Null: there is none that has its key. */
function tableNow(session: MysqlSession, planned: TableSchema): Promise<TableSchema | null> {
  const key = rowKeyNames(planned);
  return inspectTable(session, planned.db, planned.table, { key }).catch(e => {
    const error = asReshardError(e);
    if (error.kind === 'schema-changed') return null;
    throw error;
  });
}

function fromText({ verb, unclear, calls: all, words }: DataStatement, flavor: Flavor): Doubt {
  const calls = all.filter(call => !isNative(call, flavor));
  if (unclear || words.length > WORDS_MAX) {
    return { why: `it cannot be told what ${verb} has changed` };
  }
  if (calls.length === 0) return null;
  return { why: `it calls ${calls.slice(0, 3).join(', ')}, which may change any table` };
}

async function executed(session: MysqlSession): Promise<GtidSet> {
  const variable = session.flavor === 'mysql' ? 'gtid_executed' : 'gtid_binlog_pos';
  const [row] = await session.query<{ gtids: string }>(`SELECT @@global.${variable} AS gtids`);
  return GtidSet.parse(row?.gtids ?? '', session.flavor);
}

/** One look at the server's objects. */
class Inspection {
  readonly #session: MysqlSession;
  readonly #grants: readonly Grant[];
  readonly #account: string;
  readonly #ours: FollowedTables;

  constructor(
    session: MysqlSession,
    grants: readonly Grant[],
    account: string,
    ours: FollowedTables,
  ) {
    this.#session = session;
    this.#grants = grants;
    this.#account = account;
    this.#ours = ours;
  }

  async ofData(statement: DataStatement): Promise<Doubt> {
    const unseen = await this.#unseen(statement);
    if (unseen !== null) return unseen;
    for (const target of statement.targets) {
      const doubt = await this.#ofTarget(target);
      if (doubt !== null) return doubt;
    }
    return (await this.#ofViews(statement)) ?? (await this.#ofReach());
  }

  #sees(db: string): boolean {
    // Trigger and view definitions are shown to those alone who have these rights.
    return ['SELECT', 'TRIGGER'].every(p => allows(this.#grants, p, db));
  }

  async #unseen({ targets, databases }: DataStatement): Promise<Doubt> {
    // A session may have no default database; then no name of the statement is in one.
    const named = databases.filter(db => db !== '' || targets.some(t => t.db === ''));
    const db = named.find(name => !this.#sees(name));
    if (db === undefined) return null;
    const name = quoteId(db);
    const rows = await this.#session.query<{ name: string }>(
      'SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN (?)',
      [[db, ALWAYS_THERE]],
    );
    const visible = rows.map(r => r.name.toLowerCase());
    if (visible.includes(db.toLowerCase())) {
      return {
        why: `the account may not see the triggers and views of ${db}`,
        remedy: `if nothing in ${name} changes our tables: ${this.#grant(name)}`,
      };
    }
    // What was in it may have written to ours while it was there: nothing is left that tells.
    const gone = 'what its triggers and views did cannot be seen any more';
    if (visible.includes(ALWAYS_THERE)) return { why: `the database ${db} is gone: ${gone}` };
    return {
      why: `the account sees no database ${db}: if it is gone, ${gone}`,
      remedy: `if ${name} is there, and nothing in it changes our tables: ${this.#grant(name)}`,
    };
  }

  #grant(db: string): string {
    const statement = `GRANT SELECT, TRIGGER ON ${db}.* TO ${this.#account}`;
    return `${statement}, then restart the binlog service: it looks again`;
  }

  async #ofTarget({ db, name }: Name): Promise<Doubt> {
    const [table] = await this.#session.query<{ kind: string; engine: string | null }>(
      `SELECT TABLE_TYPE AS kind, ENGINE AS engine FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
      [db, name],
    );
    const label = `${db}.${name}`;
    if (table === undefined) {
      return { why: `the table ${label} is gone: what its triggers did cannot be seen any more` };
    }
    if (table.kind !== 'BASE TABLE' || !OWN_ROWS.test(table.engine ?? '')) {
      return { why: `${label} is no plain table: it may write to another one` };
    }
    const triggers = await this.#session.query(
      `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
        WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? LIMIT 1`,
      [db, name],
    );
    if (triggers.length > 0) return { why: `${label} has triggers: they may change our tables` };
    const children = await this.#session.query(
      `SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS
        WHERE UNIQUE_CONSTRAINT_SCHEMA = ? AND REFERENCED_TABLE_NAME = ?
          AND (DELETE_RULE IN ${ACTING} OR UPDATE_RULE IN ${ACTING}) LIMIT 1`,
      [db, name],
    );
    if (children.length === 0) return null;
    return { why: `foreign keys carry changes of ${label} on to other tables` };
  }

  async #ofViews({ databases, words }: DataStatement): Promise<Doubt> {
    const views = await this.#session.query<{ db: string; name: string }>(
      `SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name FROM information_schema.VIEWS
        WHERE TABLE_SCHEMA IN (?) AND LOWER(TABLE_NAME) IN (?) LIMIT 1`,
      [
        [...databases, ''],
        [...words, ''],
      ],
    );
    const [view] = views;
    if (view === undefined) return null;
    return { why: `it names the view ${view.db}.${view.name}, which may call routines` };
  }

  /** Foreign keys into our tables come from databases that can be seen, up to the last one. */
  async #ofReach(): Promise<Doubt> {
    const { db, tables } = this.#ours;
    const open: Name[] = [...tables].map(name => ({ db, name }));
    const met = new Set<string>();
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const key = `${at.db}.${at.name}`.toLowerCase();
      if (met.has(key)) continue;
      met.add(key);
      if (met.size > REACH_MAX) return { why: 'too many foreign keys lead to our tables' };
      const parents = await this.#session.query<Name>(
        `SELECT UNIQUE_CONSTRAINT_SCHEMA AS db, REFERENCED_TABLE_NAME AS name
           FROM information_schema.REFERENTIAL_CONSTRAINTS
          WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?
            AND (DELETE_RULE IN ${ACTING} OR UPDATE_RULE IN ${ACTING})`,
        [at.db, at.name],
      );
      const unseen = parents.find(p => !this.#sees(p.db));
      if (unseen) {
        return { why: `foreign keys of ${unseen.db}, which cannot be seen, act on ours` };
      }
      open.push(...parents);
    }
    return null;
  }
}
