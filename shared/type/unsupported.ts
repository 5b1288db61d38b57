/**
 * Types that exist and are not carried. Nothing is text by default: every answer about them is a
 * refusal, and whoever asks for more has missed that.
 */
import { ReshardError } from '../runtime/error.ts';
import type { ColumnType } from './column-type.ts';
import { ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';

type UnsupportedType = Extract<ColumnType, { kind: 'unsupported' }>;

const SPATIAL = 'spatial values with their reference system have no form in the log yet';

const REASONS: Record<string, string> = {
  geometry: SPATIAL,
  point: SPATIAL,
  linestring: SPATIAL,
  polygon: SPATIAL,
  multipoint: SPATIAL,
  multilinestring: SPATIAL,
  multipolygon: SPATIAL,
  geomcollection: SPATIAL,
  geometrycollection: SPATIAL,
  vector: 'the reader of the binary log does not know it',
};

const REMEDY = 'convert the column to a carried type, or leave the table out of the job';

function refused({ declared, reason }: UnsupportedType): ReshardError {
  return new ReshardError('unsupported-type', declared, { remedy: REMEDY, context: { reason } });
}

export const UNSUPPORTED: TypeFamily<UnsupportedType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType, columnType }) => ({
    kind: 'unsupported',
    declared: columnType,
    reason: REASONS[dataType] ?? 'this version does not know it',
  }),
  matches: () => false,
  codec: (type, place) => {
    throw new ReshardError('unsupported-type', `${place.table}.${place.column}: ${type.declared}`, {
      remedy: REMEDY,
      context: { ...place, reason: type.reason },
    });
  },
  refusal: ({ declared, reason }) => ({
    reason: `type ${declared} is not carried: ${reason}`,
    remedy: REMEDY,
  }),
  keyRefusal: () => null,
  select: c => c,
  rowText: type => {
    throw refused(type);
  },
  keyLiteral: () => null,
  readable: (_, literal) => literal,
  printed: type => {
    throw refused(type);
  },
  meaning: ({ declared }) => `unsupported ${declared}`,
  words: ({ declared }) => declared,
  maxBytes: () => Number.MAX_SAFE_INTEGER,
  measure: c => `LENGTH(${c})`,
};
