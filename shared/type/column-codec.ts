/** From a column's type to its codec; total over the types, and loud on what is not carried. */

import { ReshardError, unreachable } from '../runtime/error.ts';
import { BinaryCodec } from './binary.ts';
import { BitCodec } from './bit.ts';
import type { Column } from './column-type.ts';
import { DecimalCodec } from './decimal.ts';
import { EnumCodec, SetCodec } from './enum-set.ts';
import { FloatCodec } from './float.ts';
import { BigintCodec, SmallIntegerCodec, UnsignedBigintCodec, YearCodec } from './integer.ts';
import { JsonCodec } from './json.ts';
import { DateCodec, DatetimeCodec, TimestampCodec } from './temporal.ts';
import { TextCodec } from './text.ts';
import { TimeCodec } from './time.ts';
import type { ValueCodec } from './value-codec.ts';

export function columnCodec(table: string, { name, type }: Column): ValueCodec {
  const place = { table, column: name };
  switch (type.kind) {
    case 'integer':
      if (type.bits !== 64) return new SmallIntegerCodec(type.bits, type.unsigned);
      return type.unsigned ? new UnsignedBigintCodec() : new BigintCodec();
    case 'decimal':
      return new DecimalCodec(type.precision, type.scale);
    case 'float':
    case 'double':
      return new FloatCodec(type.kind);
    case 'text':
      return new TextCodec(type, place);
    case 'binary':
      return new BinaryCodec(type, place);
    case 'date':
      return new DateCodec(place);
    case 'time':
      return new TimeCodec(type.fsp);
    case 'datetime':
      return new DatetimeCodec(type.fsp, place);
    case 'timestamp':
      return new TimestampCodec(type.fsp, place);
    case 'year':
      return new YearCodec();
    case 'enum':
      return new EnumCodec(type.values, place);
    case 'set':
      return new SetCodec(type.values, place);
    case 'bit':
      return new BitCodec(type.bits);
    case 'json':
      return new JsonCodec(place);
    case 'unsupported':
      throw new ReshardError('unsupported-type', `${table}.${name}: ${type.declared}`, {
        remedy: 'convert the column to a carried type, or leave the table out of the job',
        context: { ...place, reason: type.reason },
      });
    default:
      return unreachable(type);
  }
}
