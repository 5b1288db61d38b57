/**
 * Types that exist and are not carried. Nothing is text by default: every answer about them is a
 * refusal, and whoever asks for more has missed that.
 */
import { ReshardError } from '../runtime/error.ts';
import type { ColumnType } from './column-type.ts';
import { ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';

type UnsupportedType = Extract<ColumnType, { kind: 'unsupported' }>;

const REMEDY = 'convert the column to a carried type, or leave the table out of the job';

function refused({ declared, reason, remedy = REMEDY }: UnsupportedType): ReshardError {
  return new ReshardError('unsupported-type', declared, { remedy, context: { reason } });
}

export const UNSUPPORTED: TypeFamily<UnsupportedType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ columnType }) => ({
    kind: 'unsupported',
    declared: columnType,
    reason: 'this version does not know it',
  }),
  matches: () => false,
  codec: (type, place) => {
    throw new ReshardError('unsupported-type', `${place.table}.${place.column}: ${type.declared}`, {
      remedy: type.remedy ?? REMEDY,
      context: { ...place, reason: type.reason },
    });
  },
  refusal: ({ declared, reason, remedy = REMEDY }) => ({
    reason: `type ${declared} is not carried: ${reason}`,
    remedy,
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
  isWider: () => false,
  words: ({ declared }) => declared,
  maxBytes: () => Number.MAX_SAFE_INTEGER,
  measure: c => `LENGTH(${c})`,
};
