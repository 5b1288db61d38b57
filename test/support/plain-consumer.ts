/**
 * A consumer that knows nothing of us: stock kafkajs (read_committed, the default), generic Avro by
 * the registry's schemas, and the one rule that T1 promises to be enough: in the order of the log,
 * `d` deletes and everything else overwrites with `after`.
 */
import avsc from 'avsc';
import { Kafka, logLevel } from 'kafkajs';
import mysql from 'mysql2/promise';
import { KafkaLog } from '../../shared/kafka/kafka.ts';
import type { LogReader } from '../../shared/kafka/reader.ts';
import { calmTimer } from '../../shared/kafka/wire/calm-timer.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { OWN_SESSION } from './own-session.ts';
import { textOfAvro, textOfMysql } from './plain-value.ts';

calmTimer();

/** BigInt for every long: the library's default throws past 2^53. */
const LONG = avsc.types.LongType.__with({
  fromBuffer: (buf: Buffer) => buf.readBigInt64LE(),
  toBuffer: (n: bigint) => {
    const buf = Buffer.alloc(8);
    buf.writeBigInt64LE(n);
    return buf;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (n: unknown) => typeof n === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

type Row = Record<string, string | null>;
type Decoder = { decode: (bytes: Buffer) => unknown; columns: Map<string, unknown>; fills: Row };

export type PlainConsumerOptions = {
  brokers: string[];
  registryUrl: string;
  groupId: string;
  topics: string[];
};

export class PlainConsumer implements AsyncDisposable {
  /** Rows by topic, then by the bytes of the message key. */
  readonly tables = new Map<string, Map<string, Row>>();
  /** By topic: what columns that came later are in records of before. */
  readonly fills = new Map<string, Row>();
  records = 0;
  /** When the last record came. */
  lastAt = performance.now();
  error: unknown;
  readonly #registryUrl: string;
  readonly #close: () => Promise<void>;
  readonly #decoders = new Map<number, Decoder>();

  private constructor(topics: readonly string[], registryUrl: string, close: () => Promise<void>) {
    for (const topic of topics) this.tables.set(topic, new Map());
    this.#registryUrl = registryUrl;
    this.#close = close;
  }

  static async open(o: PlainConsumerOptions): Promise<PlainConsumer> {
    const kafka = new Kafka({
      clientId: 'plain-consumer',
      brokers: o.brokers,
      logLevel: logLevel.NOTHING,
    });
    const consumer = kafka.consumer({ groupId: o.groupId, maxWaitTimeInMs: 200 });
    await consumer.connect();
    await consumer.subscribe({ topics: o.topics, fromBeginning: true });
    const plain = new PlainConsumer(o.topics, o.registryUrl, () => consumer.disconnect());
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        try {
          for (const { key, value } of batch.messages) await plain.#take(batch.topic, key, value);
        } catch (e) {
          plain.error ??= e;
          throw e;
        }
        await heartbeat();
      },
    });
    return plain;
  }

  /**
   * The same over our own reader, for compacted topics: the cleaner leaves batches without records,
   * and the library's consumer does not move when a fetch holds nothing else.
   */
  static async follow(o: Omit<PlainConsumerOptions, 'groupId'>): Promise<PlainConsumer> {
    const log = createLogger({ name: 'plain-consumer', level: 'fatal' });
    const kafka = new KafkaLog({ brokers: o.brokers, clientId: 'plain-consumer', log });
    const plain = new PlainConsumer(o.topics, o.registryUrl, () => kafka.close());
    const fail = (e: unknown): void => {
      plain.error ??= e;
    };
    let turn = Promise.resolve();
    const reader: LogReader = await kafka.reader({
      isolation: 'committed',
      onError: fail,
      onFetched: fetched => {
        turn = turn.then(async () => {
          for (let i = 0; i < fetched.count; i++) {
            await plain.#take(fetched.topic, fetched.key(i), fetched.value(i));
          }
          reader.release(fetched);
        });
        turn.catch(fail);
      },
    });
    for (const topic of o.topics) {
      for (const { partition } of await kafka.offsets(topic)) reader.add(topic, partition, 0);
    }
    return plain;
  }

  async #take(topic: string, key: Buffer | null, value: Buffer | null): Promise<void> {
    const table = this.tables.get(topic);
    if (key === null || table === undefined) return;
    this.records++;
    this.lastAt = performance.now();
    // The schema id must not matter to which row it is.
    const name = key.subarray(5).toString('latin1');
    if (value === null) {
      table.delete(name);
      return;
    }
    const decoder = await this.#decoder(value.readUInt32BE(1));
    this.fills.set(topic, { ...this.fills.get(topic), ...decoder.fills });
    const envelope = decoder.decode(value.subarray(5));
    if (!isRecord(envelope)) throw new Error('an envelope is not a record');
    if (envelope.op === 'd') {
      table.delete(name);
      return;
    }
    const { after } = envelope;
    if (!isRecord(after)) throw new Error(`op ${String(envelope.op)} has no after`);
    const row: Row = {};
    for (const [column, schema] of decoder.columns) row[column] = textOfAvro(schema, after[column]);
    table.set(name, row);
  }

  async #decoder(id: number): Promise<Decoder> {
    const known = this.#decoders.get(id);
    if (known !== undefined) return known;
    const response = await fetch(`${this.#registryUrl}/schemas/ids/${id}`);
    const body: unknown = await response.json();
    if (!isRecord(body) || typeof body.schema !== 'string') throw new Error(`no schema ${id}`);
    const schema = JSON.parse(body.schema);
    const type = avsc.Type.forSchema(schema, {
      registry: {},
      typeHook: attrs => (isLong(attrs) ? LONG : undefined),
    });
    const value = schema.fields
      .find((f: { name: string }) => f.name === 'before')
      .type.find((branch: unknown) => isRecord(branch));
    const columns = new Map<string, unknown>(
      value.fields.map((f: { name: string; type: unknown }) => [f.name, f.type]),
    );
    const fills: Row = {};
    for (const field of value.fields) {
      const fill = field['reshard.default'];
      if (fill === undefined) continue;
      const isBytes = JSON.stringify(field.type).includes('"bytes"');
      fills[field.name] = textOfAvro(field.type, isBytes ? Buffer.from(fill, 'latin1') : fill);
    }
    const decoder = { decode: (bytes: Buffer): unknown => type.fromBuffer(bytes), columns, fills };
    this.#decoders.set(id, decoder);
    return decoder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function isRecord(x: unknown): x is Record<string, unknown> {
  return typeof x === 'object' && x !== null && !Array.isArray(x) && !Buffer.isBuffer(x);
}

function isLong(attrs: unknown): boolean {
  return attrs === 'long' || (isRecord(attrs) && attrs.type === 'long');
}

/** A record of before a column was added says nothing of it: what it is then the schema says. */
function inOrderOf(columns: readonly string[], row: Row, fills: Row): Row {
  const ordered: Row = {};
  for (const column of columns) {
    ordered[column] = (column in row ? row[column] : fills[column]) ?? null;
  }
  const other = Object.keys(row).find(column => !columns.includes(column));
  return other === undefined ? ordered : { ...ordered, [other]: 'is not a column of the source' };
}

function float(text: string | null): number | null {
  return text === null ? null : Number(text);
}

export type MysqlPlace = { host: string; port: number; user: string; password: string };

/**
 * Keys whose row differs between a consumer's table and the server's; empty when they are equal.
 */
export async function differsFromSource(
  rows: ReadonlyMap<string, Row>,
  place: MysqlPlace,
  database: string,
  table: string,
  keyColumns: readonly string[],
  fills: Row = {},
): Promise<string[]> {
  const connection = await mysql.createConnection({
    ...place,
    database,
    charset: 'utf8mb4',
    timezone: 'Z',
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    // The library's own parser of floating point is off in the last digit.
    typeCast: (field, next) => (field.type === 'DOUBLE' ? float(field.string()) : next()),
  });
  try {
    for (const sql of OWN_SESSION) await connection.query(sql);
    const [found] = await connection.query(`SELECT * FROM \`${table}\``);
    const nameOf = (row: Row): string => keyColumns.map(c => row[c]).join(',');
    const wanted = new Map<string, string>();
    const columns: string[] = [];
    for (const raw of Array.isArray(found) ? found : []) {
      const row: Row = {};
      for (const [column, value] of Object.entries(raw)) row[column] = textOfMysql(value);
      if (columns.length === 0) columns.push(...Object.keys(row));
      wanted.set(nameOf(row), JSON.stringify(row));
    }
    const differing: string[] = [];
    const seen = new Set<string>();
    for (const row of rows.values()) {
      const name = nameOf(row);
      seen.add(name);
      if (wanted.get(name) !== JSON.stringify(inOrderOf(columns, row, fills))) differing.push(name);
    }
    for (const name of wanted.keys()) if (!seen.has(name)) differing.push(name);
    return differing;
  } finally {
    await connection.end();
  }
}
