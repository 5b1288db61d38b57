/**
 * The control plane's records (schemas/*.avsc) as objects. Not for rows: those never become
 * objects. Longs are numbers; one past 2^53 throws on both ways rather than rounding.
 * A record of an older version of its schema is read through Avro's resolution. All versions that
 * the subject has are loaded at the start, so decoding needs no network.
 */

import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { canonicalJson, type SchemaObject, type SchemaRegistry } from '../registry/registry.ts';
import { ReshardError } from '../runtime/error.ts';
import { FRAME_BYTES, registryFrame } from './registry-frame.ts';

type Resolver = ReturnType<avsc.Type['createResolver']>;

export type RecordName =
  | 'chunk'
  | 'mark'
  | 'progress'
  | 'schema-change'
  | 'state'
  | 'report'
  | 'stream';

/** The schema file as an object. */
export function staticSchema(name: RecordName): SchemaObject {
  const url = new URL(`../../schemas/${name}.avsc`, import.meta.url);
  const schema: unknown = JSON.parse(readFileSync(url, 'utf8'));
  if (isSchema(schema)) return schema;
  throw new ReshardError('bug', `schemas/${name}.avsc is not a record`);
}

function isSchema(x: unknown): x is SchemaObject {
  return typeof x === 'object' && x !== null && 'fields' in x;
}

export interface RecordCodec<T> {
  /** With the Confluent header. */
  encode(record: T): Buffer;
  /** Bytes fields of the result are views into `value`. */
  decode(value: Buffer): T;
}

/** Whether the record's schema of this version is registered; false also without the subject. */
export async function isRegistered(
  registry: SchemaRegistry,
  name: RecordName,
  subject: string,
): Promise<boolean> {
  if ((await registry.latest(subject)) === null) return false;
  const own = canonicalJson(staticSchema(name));
  const versions = await registry.versions(subject);
  return versions.some(v => canonicalJson(JSON.parse(v.schema)) === own);
}

/** Codec of a static record; its schema must be registered under the subject already. */
export async function recordCodec<T>(
  registry: SchemaRegistry,
  name: RecordName,
  subject: string,
): Promise<RecordCodec<T>> {
  const schema = staticSchema(name);
  const versions = await registry.versions(subject);
  const own = canonicalJson(schema);
  const mine = versions.find(v => canonicalJson(JSON.parse(v.schema)) === own);
  if (mine === undefined) {
    throw new ReshardError('registry', `subject ${subject} has no ${name}.avsc of this version`, {
      remedy: 'start control of the same version first: it registers the schemas of the job',
      context: { subject },
    });
  }
  const type = recordType(schema);
  const resolvers = new Map(
    versions.map(v => [
      v.id,
      v.id === mine.id ? undefined : type.createResolver(recordType(JSON.parse(v.schema))),
    ]),
  );
  return new AvscRecordCodec<T>(subject, type, mine.id, resolvers);
}

/** Options are made anew for each schema: avsc keeps what it has seen in them. */
function recordType(schema: SchemaObject): avsc.Type {
  return avsc.Type.forSchema(schema as avsc.Schema, {});
}

class AvscRecordCodec<T> implements RecordCodec<T> {
  readonly #subject: string;
  readonly #type: avsc.Type;
  readonly #header: Buffer;
  readonly #resolvers: Map<number, Resolver | undefined>;

  constructor(
    subject: string,
    type: avsc.Type,
    id: number,
    resolvers: Map<number, Resolver | undefined>,
  ) {
    this.#subject = subject;
    this.#type = type;
    this.#header = registryFrame(id);
    this.#resolvers = resolvers;
  }

  encode(record: T): Buffer {
    return Buffer.concat([this.#header, this.#type.toBuffer(record)]);
  }

  decode(value: Buffer): T {
    const id = value.length > FRAME_BYTES && value[0] === 0 ? value.readUInt32BE(1) : -1;
    if (!this.#resolvers.has(id)) {
      throw new ReshardError('corrupt', `a record of ${this.#subject} under schema id ${id}`, {
        remedy: 'a newer version wrote it: restart this service with that version',
        context: { subject: this.#subject, id },
      });
    }
    try {
      return this.#type.fromBuffer(value.subarray(FRAME_BYTES), this.#resolvers.get(id));
    } catch (e) {
      throw new ReshardError('corrupt', `a record of ${this.#subject} does not decode`, {
        cause: e,
        context: { subject: this.#subject, id },
      });
    }
  }
}
