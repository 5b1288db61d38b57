/**
 * One target database: how to open a session that applies to it, and what of its tables decides the
 * statements. Facts are read anew with each session, since an operator may have changed the tables
 * meanwhile.
 */
import type { JobTarget } from '../../../../shared/job/job.ts';
import { FIRST_LEG, type Leg } from '../../../../shared/job/state/cutover.ts';
import type { JobIdentity } from '../../../../shared/job/state/identity.ts';
import { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { errnoOf } from '../../../../shared/mysql/mysql-error.ts';
import {
  columnsOf,
  GENERATED_KEY,
  inspectKeys,
  rowKeyOf,
  type TableKey,
} from '../../../../shared/mysql/row-key.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import type { Logger } from '../../../../shared/runtime/log.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import type { Destination, DestinationSession, SessionLimits } from '../port.ts';
import { DeadLetterStore } from './dead-letter-store.ts';
import { MysqlDestinationSession } from './mysql-session.ts';
import { OffsetTable } from './offset.ts';
import { createOwners, ownersId } from './owner.ts';
import { ParkTable } from './park.ts';
import type { RowOwner } from './row-owner.ts';
import { MysqlTable } from './table-statement.ts';
import { refuseOtherTarget } from './target-identity.ts';

const NO_SUCH_TABLE = 1146;
const NO_SUCH_COLUMN = 1054;
const STATEMENT_TIMEOUT_MS = 120_000;
/**
 * A member that was stopped or cut off in the middle of a transaction holds its offset rows locked;
 * the server ends such a transaction after this time, and the next owner can claim them.
 */
const IDLE_TIMEOUT_S = 10;
export class MysqlDestination implements Destination {
  readonly guarantee = 'atomic-position';
  readonly number: number;
  readonly name: string;
  readonly database: string;
  readonly offsets: OffsetTable;
  readonly parks: ParkTable;
  readonly deadLetters: DeadLetterStore;
  readonly #owner: RowOwner;
  readonly #leg: number;
  /** Null where the caller knows the server. */
  readonly #identity: JobIdentity | null;
  readonly #endpoint: JobTarget;
  readonly #log: Logger;

  constructor(
    number: number,
    endpoint: JobTarget,
    job: { job: string; jobId: string; identity: JobIdentity | null; leg?: Leg },
    log: Logger,
  ) {
    this.number = number;
    this.name = endpoint.name;
    this.database = endpoint.database;
    const { leg = FIRST_LEG } = job;
    const owner = { job: job.job, jobId: job.jobId, target: endpoint.name };
    this.#owner = owner;
    this.#identity = job.identity;
    this.#leg = leg.number;
    this.offsets = new OffsetTable(endpoint.database, owner, leg);
    this.parks = new ParkTable(endpoint.database, owner);
    this.deadLetters = new DeadLetterStore(endpoint.database, owner);
    this.#endpoint = endpoint;
    this.#log = log;
  }

  get ownTables(): readonly [OffsetTable, ParkTable, DeadLetterStore] {
    return [this.offsets, this.parks, this.deadLetters];
  }

  async open(limits: SessionLimits): Promise<DestinationSession> {
    const { session, packetBytes } = await this.connect();
    return new MysqlDestinationSession(session, this, { ...limits, packetBytes });
  }

  /** A connection without autocommit, to a target that has our tables. */
  async connect(): Promise<{ session: MysqlSession; packetBytes: number }> {
    const { host, port, user, password, database, tls } = this.#endpoint;
    const session = await MysqlSession.open(
      { host, port, user, password, database, tls },
      { role: 'apply', log: this.#log, statementTimeoutMs: STATEMENT_TIMEOUT_MS },
    );
    try {
      await this.#createOurs(session);
      if (this.#identity !== null) {
        await refuseOtherTarget(session, this.offsets.table, this.#owner, this.#identity);
      }
      const [row] = await session.query<{ packet: string | number }>(
        'SELECT @@max_allowed_packet AS packet',
      );
      const settings = `autocommit = 0, wait_timeout = ${IDLE_TIMEOUT_S}`;
      await session.rawQuery(`SET SESSION ${settings}`);
      return { session, packetBytes: Number(row?.packet ?? 1024 * 1024) };
    } catch (e) {
      session.destroy();
      throw e;
    }
  }

  /**
   * Throws if the server takes larger statements than when the session began, which keeps its own
   * limit: only a new session has the one that the operator has raised.
   */
  async checkLimits(session: MysqlSession): Promise<void> {
    const [row] = await session.query<{ ours: string | number; now: string | number }>(
      'SELECT @@session.max_allowed_packet AS ours, @@global.max_allowed_packet AS now',
    );
    await session.rawQuery('ROLLBACK');
    if (Number(row?.now) === Number(row?.ours)) return;
    throw new ReshardError('target', 'max_allowed_packet was changed: a new session has it', {
      context: { target: this.name },
    });
  }

  /** Our tables, unless somebody has made them: then the user needs no privilege for it. */
  async #createOurs(session: MysqlSession): Promise<void> {
    for (const ours of this.ownTables) {
      try {
        await session.rawQuery(ours.probe);
      } catch (e) {
        const errno = errnoOf(e);
        if (errno === NO_SUCH_TABLE) await ours.create(session);
        else if (errno === NO_SUCH_COLUMN) await ours.upgrade(session);
        else throw e;
      }
    }
  }

  /** The table as it is on this target now. */
  async inspect(session: MysqlSession, table: SinkTable): Promise<MysqlTable> {
    const keys = await inspectKeys(session, this.database, table.name);
    const wanted = table.keyColumns.map(c => c.name);
    const rowKey = rowKeyOf(keys, wanted);
    if (rowKey === undefined || columnsOf(rowKey).join('\0') !== wanted.join('\0')) {
      throw new ReshardError('schema-changed', 'the target table has not the planned key', {
        context: { target: this.name, table: table.name, planned: wanted.join(',') },
        remedy: `create the table on ${this.name} as it is on the sources`,
      });
    }
    const owners = ownersId(this.#owner.jobId, this.#leg);
    if (table.isShared) await createOwners(session, this.database, owners, table);
    return new MysqlTable(table, {
      owners,
      mayTakeUnowned: this.#leg > 1,
      database: this.database,
      flavor: session.flavor,
      keyIndex: rowKey.name,
      hasUniques: keys.some(k => k.unique && k !== rowKey && !isAddedKey(k, table)),
    });
  }
}

/** A primary key that the server has added by itself takes no value of ours: none collides. */
function isAddedKey(key: TableKey, { schema }: SinkTable): boolean {
  const isIts = columnsOf(key).join('\0') === GENERATED_KEY;
  return isIts && !schema.columns.some(c => c.name === GENERATED_KEY);
}
