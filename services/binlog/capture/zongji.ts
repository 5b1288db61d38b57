/**
 * The binlog stream of one connection, and the only importer of zongji. zongji logs in, asks for
 * the dump, frames packets and decodes what is rare (TableMap with FULL metadata, tagged and
 * MariaDB transaction ids). Every event is first handed to us as raw bytes,
 * because zongji's row decoding is slow and silently wrong for some types.
 *
 * Invariant: nothing is lost silently. Any error, the end of the dump (which zongji swallows), a
 * wrong checksum and silence past the watchdog all end the stream through `onEnd`, once, with the
 * reason. A stream is never started again: zongji keeps table maps of its last connection.
 */
import { crc32 } from 'node:zlib';
import ZongJi from '@vlasky/zongji';
import type { Flavor, Gtid, GtidSet } from '../../../shared/change/gtid.ts';
import { parseGtid } from '../../../shared/change/gtid.ts';
import type { MysqlEndpoint } from '../../../shared/mysql/driver.ts';
import { dumpSettings } from '../../../shared/mysql/session-setting.ts';
import { asReshardError, ReshardError } from '../../../shared/runtime/error.ts';
import { TYPE_CODE } from '../../../shared/type/seen-column.ts';
import {
  columnTypesAt,
  EVENT,
  HEADER_BYTES,
  LENGTH_AT,
  type RawEvent,
  readHeader,
} from './binlog-event.ts';
import { dumpError } from './dump-error.ts';
import { isTableMap, type SeenTable, seenTable } from './seen-table.ts';

export interface DumpOptions {
  endpoint: MysqlEndpoint;
  serverId: number;
  flavor: Flavor;
  /** Silence after which the connection is taken for dead; the server beats every second. */
  watchdogMs: number;
  /** Called for each event; must not keep the event or its bytes, and may throw to end. */
  onEvent: (event: RawEvent) => void;
  onEnd: (error: ReshardError) => void;
}

interface Packet {
  buffer: Buffer;
  offset: number;
  end: number;
  isEOF(): boolean;
  isError(): boolean;
  asError(encoding: string): Error;
}

interface WireConnection {
  threadId: number | null;
  readonly stream: { readonly bytesRead: number };
  pause(): void;
  resume(): void;
  query(sql: string, done: (error: Error | null) => void): unknown;
  addCommand(command: unknown): unknown;
  on(event: 'end' | 'error', listener: (error?: Error) => void): unknown;
}

type Decode = (this: unknown, packet: Packet, connection: unknown) => unknown;

/** What we use of a zongji object beyond its public types. */
interface Port {
  connection: WireConnection | null;
  /** Beside the dump, for zongji's own questions. */
  ctrlConnection: WireConnection | null;
  /** Makes both connections, before the first question is sent. */
  _establishConnection(options: object): void;
  useChecksum: boolean;
  tableMap: Record<string, unknown>;
  BinlogClass: { prototype: { binlogData: Decode } };
  on(event: string, listener: (arg: unknown) => void): unknown;
  start(options: object): void;
  stop(): void;
}

const HEARTBEAT_NS = 1_000_000_000;
/** A paused reader must not be cut off: the server may wait this long for a write. The other
 * connection is idle while the dump runs; its end would be taken for the end of the dump. */
const NET_WRITE_TIMEOUT_S = 3600;
const WAIT_TIMEOUT_S = 2_000_000;
const CONNECT_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 2000;

export class BinlogDump {
  readonly #o: DumpOptions;
  readonly #port: Port;
  readonly #event: RawEvent = { ...EMPTY_EVENT };
  #zongjiDecode: Decode | null = null;
  /** What zongji's decoder was called with for the event at hand. */
  #command: unknown;
  #connection: unknown;
  #decoded: unknown;
  #checksumBytes = 0;
  #ended = false;
  #paused = false;
  #lastPacketMs = performance.now();
  #bytesRead = 0;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(o: DumpOptions) {
    this.#o = o;
    this.#port = new ZongJi(connectionOptions(o.endpoint)) as unknown as Port;
    this.#port.on('error', e => this.#end(dumpError(e, this.#where())));
    const establish = this.#port._establishConnection.bind(this.#port);
    this.#port._establishConnection = options => {
      establish(options);
      this.#settle(this.#port.connection);
      this.#settle(this.#port.ctrlConnection);
    };
    this.#port.on('binlog', e => {
      this.#decoded = e;
    });
  }

  /** Starts after the transactions of `gtid`; resolves when the dump is asked for. */
  start(gtid: GtidSet): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new ReshardError('unreachable', 'no login in time', { context: this.#where() }));
      }, CONNECT_TIMEOUT_MS * 2);
      this.#port.on('error', e => {
        clearTimeout(timer);
        reject(dumpError(e, this.#where()));
      });
      this.#port.on('ready', () => {
        clearTimeout(timer);
        this.#onReady();
        resolve();
      });
      this.#port.start({ serverId: this.#o.serverId, gtidSet: gtid.toString() });
    });
  }

  /** First in the queue of a connection: zongji's questions come after it. */
  #settle(connection: WireConnection | null): void {
    for (const sql of dumpSettings(this.#o.flavor, NET_WRITE_TIMEOUT_S, WAIT_TIMEOUT_S)) {
      connection?.query(sql, e => {
        if (e) this.#end(dumpError(e, this.#where()));
      });
    }
  }

  /**
   * Runs before zongji queues its dump command, so these settings are in force for it. That we
   * know checksums is said always: where the newest file has none zongji does not say it, and then
   * MariaDB refuses to send the older files that have them.
   */
  #onReady(): void {
    const connection = this.#port.connection;
    if (connection === null) return;
    const set = `SET @master_heartbeat_period = ${HEARTBEAT_NS},
      @source_heartbeat_period = ${HEARTBEAT_NS},
      @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'`;
    const fail = (e?: Error | null): void => {
      if (e) this.#end(dumpError(e, this.#where()));
    };
    connection.query(set, fail);
    connection.on('end', () => this.#end(dumpError('the connection was closed', this.#where())));
    // An error packet makes zongji's command emit 'error', which nobody would hear.
    const addCommand = connection.addCommand.bind(connection);
    connection.addCommand = command => {
      if (isEmitter(command)) command.on('error', fail);
      return addCommand(command);
    };
    this.#checksumBytes = this.#port.useChecksum ? 4 : 0;
    this.#tapEvents();
    this.#lastPacketMs = performance.now();
    this.#watchdog = setInterval(() => this.#watch(), Math.min(1000, this.#o.watchdogMs / 2));
  }

  #watch(): void {
    const { bytesRead = 0 } = this.#port.connection?.stream ?? {};
    // A huge event takes longer than the watchdog on a slow line, and no heartbeat is inside it.
    const isMoving = bytesRead !== this.#bytesRead;
    this.#bytesRead = bytesRead;
    const silentMs = performance.now() - this.#lastPacketMs;
    if (this.#paused || isMoving) this.#lastPacketMs = performance.now();
    else if (silentMs > this.#o.watchdogMs) {
      const text = `nothing from the source for ${Math.round(silentMs)} ms, not even a heartbeat`;
      this.#end(new ReshardError('unreachable', text, { context: this.#where() }));
    }
  }

  /** zongji makes a class for each start; its method is what every packet of the dump goes to. */
  #tapEvents(): void {
    const { prototype } = this.#port.BinlogClass;
    this.#zongjiDecode = prototype.binlogData;
    const onPacket = (command: unknown, packet: Packet, connection: unknown): void => {
      this.#command = command;
      this.#connection = connection;
      this.#onPacket(packet);
    };
    prototype.binlogData = function (packet, connection) {
      onPacket(this, packet, connection);
      return prototype.binlogData;
    };
  }

  #onPacket(packet: Packet): void {
    if (this.#ended) return;
    this.#lastPacketMs = performance.now();
    try {
      if (packet.isEOF()) throw dumpError('the server has ended the dump', this.#where());
      if (packet.isError()) throw dumpError(packet.asError('utf8'), this.#where());
      const event = this.#event;
      readHeader(event, packet.buffer, packet.offset + 1, packet.end);
      this.#checkSum(event);
      this.#o.onEvent(event);
    } catch (e) {
      this.#end(asReshardError(e));
    }
  }

  /**
   * Strips and checks the checksum. Whether a file has them is told by its format event: the
   * server's variable, which zongji goes by, speaks of the newest file only.
   */
  #checkSum(event: RawEvent): void {
    if (event.type === EVENT.FORMAT_DESCRIPTION) {
      this.#checksumBytes = event.buf[event.end - 5] === 1 ? 4 : 0;
      this.#port.useChecksum = this.#checksumBytes > 0;
      event.end -= 4;
      return;
    }
    // The rotate event that opens a dump is made up by the server, under the setting before.
    const optional = event.type === EVENT.ROTATE;
    if (this.#checksumBytes === 0 && !optional) return;
    const body = event.end - 4;
    const bytes = event.buf.subarray(event.start - HEADER_BYTES, body);
    if (event.buf.readUInt32LE(body) === crc32(bytes)) event.end = body;
    else if (!optional) {
      throw new ReshardError('corrupt', 'a binlog event has a wrong checksum', {
        context: { ...this.#where(), type: event.type, position: event.logPos },
        remedy: 'check the disk of the source and the network between',
      });
    }
  }

  /**
   * Lets zongji decode an event: a copy, as it would have come in a packet of its own. So one that
   * came inside of another is decoded too.
   */
  #decode(packet: Packet): unknown {
    this.#decoded = undefined;
    this.#zongjiDecode?.call(this.#command, packet, this.#connection);
    return this.#decoded;
  }

  /** A TableMap event; undefined when it does not describe itself. */
  decodeTableMap(event: RawEvent): SeenTable | undefined {
    this.#port.tableMap = {};
    // zongji does not know VECTOR, and gives the table up. In this event a BLOB is the same: both
    // have one byte of metadata, and a place in the list of character sets.
    const { first, end } = columnTypesAt(event);
    const types = event.buf.subarray(first, end);
    const packet = packetOf(event, this.#checksumBytes);
    const copied = packet.buffer.subarray(packet.offset + 1 + HEADER_BYTES + first - event.start);
    types.forEach((type, i) => {
      if (type === TYPE_CODE.VECTOR) copied[i] = TYPE_CODE.BLOB;
    });
    const map = this.#decode(packet);
    if (!isTableMap(map)) return undefined;
    const seen = seenTable(map, this.#port.tableMap[map.tableId]);
    seen?.columns.forEach((column, i) => {
      if (types[i] === TYPE_CODE.VECTOR) column.code = TYPE_CODE.VECTOR;
    });
    return seen;
  }

  /** The id in a tagged or MariaDB transaction event. */
  decodeGtid(event: RawEvent): { gtid: Gtid; standalone: boolean } {
    const decoded = this.#decode(packetOf(event, this.#checksumBytes));
    if (!isGtidEvent(decoded)) {
      throw new ReshardError('corrupt', 'a transaction id event cannot be decoded');
    }
    return { gtid: parseGtid(decoded.gtid), standalone: decoded.standalone === true };
  }

  get threadId(): number {
    return this.#port.connection?.threadId ?? 0;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#port.connection?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#lastPacketMs = performance.now();
    this.#port.connection?.resume();
  }

  #where(): { host: string; port: number; serverId: number } {
    const { endpoint, serverId } = this.#o;
    return { host: endpoint.host, port: endpoint.port, serverId };
  }

  #end(error: ReshardError): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#watchdog);
    this.#o.onEnd(error);
  }

  /** Ends quietly; also kills the dump on the server, which would else wait for its next write. */
  async close(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#watchdog);
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, STOP_TIMEOUT_MS);
      this.#port.on('stopped', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#port.stop();
    });
  }
}

const EMPTY_EVENT: RawEvent = {
  type: 0,
  flags: 0,
  timestamp: 0,
  serverId: 0,
  logPos: 0,
  buf: Buffer.alloc(0),
  start: 0,
  end: 0,
};

function connectionOptions(e: MysqlEndpoint): object {
  const tls = e.tls === true ? {} : e.tls;
  return {
    host: e.host,
    port: e.port,
    user: e.user,
    password: e.password,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    keepAliveInitialDelay: CONNECT_TIMEOUT_MS,
    connectAttributes: { program_name: 'reshard-binlog' },
    ...(tls ? { ssl: { verifyIdentity: true, ...tls } } : {}),
  };
}

/** An event as a packet of the dump: a byte that says that all is well, the event, its checksum. */
function packetOf({ buf, start, end }: RawEvent, checksumBytes: number): Packet {
  const bytes = HEADER_BYTES + end - start;
  const buffer = Buffer.alloc(1 + bytes + checksumBytes);
  buf.copy(buffer, 1, start - HEADER_BYTES, end);
  buffer.writeUInt32LE(bytes + checksumBytes, 1 + LENGTH_AT);
  return {
    buffer,
    offset: 0,
    end: buffer.length,
    isEOF: () => false,
    isError: () => false,
    asError: encoding => new Error(`no error in ${encoding}`),
  };
}

function isEmitter(x: unknown): x is { on(event: string, f: (e: Error) => void): void } {
  return typeof x === 'object' && x !== null && 'on' in x && typeof x.on === 'function';
}

function isGtidEvent(x: unknown): x is { gtid: string; standalone?: boolean } {
  return typeof x === 'object' && x !== null && 'gtid' in x && typeof x.gtid === 'string';
}
