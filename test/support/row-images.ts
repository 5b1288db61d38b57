/**
 * Row images as the server writes them: what statements left in the binlog, raw, by table. For
 * tests that hold a decoder against the server itself.
 */

import {
  EVENT,
  readRowsHeader,
  readTableName,
} from '../../services/binlog/capture/binlog-event.ts';
import type { RowOp } from '../../services/binlog/capture/captured-table.ts';
import { rowsKind } from '../../services/binlog/capture/rows-kind.ts';
import type { SeenTable } from '../../services/binlog/capture/seen-table.ts';
import { BinlogDump } from '../../services/binlog/capture/zongji.ts';
import { GtidSet } from '../../shared/change/gtid.ts';
import { MysqlSession } from '../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../shared/mysql/gtid-lower-bound.ts';
import { until } from '../../shared/runtime/clock.ts';
import type { MysqlServer } from './job-file.ts';

/** Images of one rows event, one behind the other. */
export type RowImages = Buffer;
/** Of an update they are pairs. */
export type RowsEvent = { op: RowOp; images: RowImages };

export class RowImageReader implements AsyncDisposable {
  readonly #session: MysqlSession;
  readonly #dump: BinlogDump;
  readonly #images = new Map<string, RowsEvent[]>();
  readonly #names = new Map<number, string>();
  /** What the binlog said last of each table. */
  readonly seen = new Map<string, SeenTable>();
  #failure: Error | null = null;

  private constructor(session: MysqlSession, server: MysqlServer, serverId: number) {
    this.#session = session;
    this.#dump = new BinlogDump({
      endpoint: server,
      serverId,
      flavor: session.flavor,
      watchdogMs: 20_000,
      onEvent: event => {
        if (event.type === EVENT.TABLE_MAP) {
          const { schema, table } = readTableName(event);
          this.#names.set(event.buf.readUIntLE(event.start, 6), `${schema}.${table}`);
          const seen = this.#dump.decodeTableMap(event);
          if (seen !== undefined) this.seen.set(`${schema}.${table}`, seen);
          return;
        }
        const kind = rowsKind(event.type);
        if (kind === null) return;
        const header = readRowsHeader(event, kind.v2, kind.op === 'u');
        const name = this.#names.get(header.tableId) ?? '';
        const images = this.#images.get(name) ?? [];
        const bytes = Buffer.from(event.buf.subarray(header.rows, event.end));
        images.push({ op: kind.op, images: bytes });
        this.#images.set(name, images);
      },
      onEnd: error => {
        this.#failure = error;
      },
    });
  }

  /** Reads what is written from now on. */
  static async open(server: MysqlServer, serverId: number): Promise<RowImageReader> {
    const session = await MysqlSession.open(server, { role: 'admin' });
    const reader = new RowImageReader(session, server, serverId);
    await reader.#dump.start(GtidSet.parse(await gtidLowerBound(session), session.flavor));
    return reader;
  }

  /** The inserted images of a table, once the binlog has been read up to now. */
  async inserted(db: string, table: string): Promise<RowImages[]> {
    const events = await this.changed(db, table);
    return events.flatMap(({ op, images }) => (op === 'c' ? [images] : []));
  }

  /** All that changed in a table, once the binlog has been read up to now. */
  async changed(db: string, table: string): Promise<RowsEvent[]> {
    const mark = `mark_${Math.random().toString(36).slice(2)}`;
    await this.#session.rawQuery(`CREATE TABLE ${db}.${mark} (id INT PRIMARY KEY)`);
    await this.#session.rawQuery(`INSERT INTO ${db}.${mark} VALUES (1)`);
    await until(
      () => {
        if (this.#failure) throw this.#failure;
        return this.#images.has(`${db}.${mark}`);
      },
      { timeoutMs: 20_000, everyMs: 10, what: 'the binlog to be read' },
    );
    return this.#images.get(`${db}.${table}`) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dump.close();
    await this.#session.close();
  }
}
