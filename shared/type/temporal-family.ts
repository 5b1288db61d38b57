/**
 * The families of dates and times. All are printed in one form of fixed fields, which orders and
 * compares like the value; only fractional digits tell two of one kind apart.
 */
import type { ColumnType } from './column-type.ts';
import { type SeenColumn, TYPE_CODE } from './seen-column.ts';
import { DateCodec, DatetimeCodec, TimestampCodec } from './temporal.ts';
import { TimeCodec } from './time.ts';
import { ORDERED_BY_VALUE, plainText, type TypeFamily, unquoted } from './type-family.ts';
import type { ValueCodec } from './value-codec.ts';

type Kind = 'date' | 'time' | 'datetime' | 'timestamp';
type Of<K extends Kind> = Extract<ColumnType, { kind: K }>;

/** '2026-01-02 03:04:05.123456' in quotes, with room to spare. */
const TEMPORAL_BYTES = 40;

interface Differing<K extends Kind> {
  kind: K;
  typeOf(fsp: number): Of<K>;
  matches(type: Of<K>, seen: SeenColumn): boolean;
  codec(type: Of<K>): ValueCodec;
  words(type: Of<K>): string;
}

function temporalFamily<K extends Kind>(o: Differing<K>): TypeFamily<Of<K>> {
  return {
    ...ORDERED_BY_VALUE,
    declare: ({ dataType, fsp }) => (dataType === o.kind ? o.typeOf(Number(fsp ?? 0)) : null),
    matches: o.matches,
    codec: o.codec,
    refusal: () => null,
    keyRefusal: () => null,
    select: c => c,
    rowText: (_, c) => ({ closed: c }),
    keyLiteral: c => `CONCAT('''',${c},'''')`,
    readable: (_, literal) => unquoted(literal),
    printed: (_, text) => plainText(text, /^-?\d+([-: .]\d+)+$/, o.kind),
    meaning: o.words,
    isWider: () => false,
    words: o.words,
    maxBytes: () => TEMPORAL_BYTES,
    measure: () => null,
  };
}

export const DATE = temporalFamily({
  kind: 'date',
  typeOf: () => ({ kind: 'date' }),
  matches: (_, seen) => seen.code === TYPE_CODE.DATE,
  codec: () => new DateCodec(),
  words: () => 'date',
});

export const TIME = temporalFamily({
  kind: 'time',
  typeOf: fsp => ({ kind: 'time', fsp }),
  matches: ({ fsp }, { code, metadata }) => code === TYPE_CODE.TIME2 && metadata.decimals === fsp,
  codec: ({ fsp }) => new TimeCodec(fsp),
  words: ({ fsp }) => `time(${fsp})`,
});

export const DATETIME = temporalFamily({
  kind: 'datetime',
  typeOf: fsp => ({ kind: 'datetime', fsp }),
  matches: ({ fsp }, { code, metadata }) =>
    code === TYPE_CODE.DATETIME2 && metadata.decimals === fsp,
  codec: ({ fsp }) => new DatetimeCodec(fsp),
  words: ({ fsp }) => `datetime(${fsp})`,
});

export const TIMESTAMP = temporalFamily({
  kind: 'timestamp',
  typeOf: fsp => ({ kind: 'timestamp', fsp }),
  matches: ({ fsp }, { code, metadata }) =>
    code === TYPE_CODE.TIMESTAMP2 && metadata.decimals === fsp,
  codec: ({ fsp }) => new TimestampCodec(fsp),
  words: ({ fsp }) => `timestamp(${fsp})`,
});
