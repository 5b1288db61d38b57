/**
 * Types that exist and are not carried. Nothing is text by default: every answer about them is a
 * refusal, and whoever asks for more has missed that.
 */
import { ReshardError } from '../runtime/error.ts';
import type { ColumnType } from './column-type.ts';
import type { DeclaredType } from './declared-type.ts';
import { ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';

type UnsupportedType = Extract<ColumnType, { kind: 'unsupported' }>;

const REMEDY = 'convert the column to a carried type, or leave the table out of the job';

function refused({ declared, reason, remedy = REMEDY }: UnsupportedType): ReshardError {
  return new ReshardError('unsupported-type', declared, { remedy, context: { reason } });
}

/** Of types that are known, in a form of their own: other bytes in row images, or another text. */
const FORMS: readonly { of: RegExp; reason: string; remedy: string }[] = [
  {
    of: /\bCOMPRESSED\b.*\*\/$/,
    reason: 'row images have its values compressed',
    remedy: 'ALTER TABLE ... MODIFY the column without COMPRESSED',
  },
  {
    of: /\*\/$/,
    reason: 'the server keeps its values in a form of an older version',
    remedy: 'SET GLOBAL mysql56_temporal_format = ON, then ALTER TABLE ... MODIFY the column',
  },
  {
    of: /^year\(2\)/i,
    reason: 'the server prints two of its four digits',
    remedy: 'ALTER TABLE ... MODIFY the column as YEAR',
  },
];

/** Pure; a comment behind the type is a server's word for such a form. */
function ownForm({ columnType }: DeclaredType): (typeof FORMS)[number] | undefined {
  return FORMS.find(form => form.of.test(columnType));
}

export function hasOwnForm(declared: DeclaredType): boolean {
  return ownForm(declared) !== undefined;
}

export const UNSUPPORTED: TypeFamily<UnsupportedType> = {
  ...ORDERED_BY_VALUE,
  declare: declared => {
    const form = ownForm(declared);
    return {
      kind: 'unsupported',
      declared: declared.columnType,
      reason: form?.reason ?? 'this version does not know it',
      ...(form === undefined ? {} : { remedy: form.remedy }),
    };
  },
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
