/**
 * Reads our own records without the schema registry: by the schemas that the code has, the present
 * one and those of schemas/past. For views that must work while the registry is away; services go
 * by the ids in the registry (record-codec.ts), which leave nothing to try.
 * Why trying is safe here: a version only ever adds fields at the end, so a record of another one
 * ends too early or too late, and decoding says so; bytes that fit no version are refused.
 */

import { readdirSync, readFileSync } from 'node:fs';
import avsc from 'avsc';
import { ReshardError } from '../runtime/error.ts';
import { type RecordCodec, type RecordName, staticSchema } from './record-codec.ts';
import { FRAME_BYTES } from './registry-frame.ts';

const PAST = new URL('../../schemas/past/', import.meta.url);

export function ownRecordReader<T>(name: RecordName): Pick<RecordCodec<T>, 'decode'> {
  const type = typeOf(staticSchema(name));
  const readers = pastSchemas(name).map(past => type.createResolver(typeOf(past)));
  const attempts = [undefined, ...readers];
  return {
    decode(value) {
      let cause: unknown;
      for (const reader of attempts) {
        try {
          return type.fromBuffer(value.subarray(FRAME_BYTES), reader);
        } catch (e) {
          cause = e;
        }
      }
      throw new ReshardError('corrupt', `a record that no ${name}.avsc of this version fits`, {
        cause,
        remedy: 'another version wrote it: use that one, or wait until the schema registry answers',
      });
    },
  };
}

/** Newest first. */
export function pastSchemas(name: RecordName): unknown[] {
  const version = (file: string): number => Number(file.split('.')[1]);
  return readdirSync(PAST)
    .filter(file => file.startsWith(`${name}.`) && file.endsWith('.avsc'))
    .sort((a, b) => version(b) - version(a))
    .map(file => JSON.parse(readFileSync(new URL(file, PAST), 'utf8')));
}

/** Options are made anew for each schema: avsc keeps what it has seen in them. */
function typeOf(schema: unknown): avsc.Type {
  return avsc.Type.forSchema(schema as avsc.Schema, {});
}
