/** Columns that were only made wider, and all that is more than that. */
import { describe, expect, test } from 'vitest';
import type { BinaryForm, Column, ColumnType, TextForm } from '../type/column-type.ts';
import {
  asDeclared,
  fixedColumns,
  isLonger,
  isTakenUp,
  isWidened,
  isWiderText,
  widenedBy,
  widerThen,
  withGone,
  withoutDrops,
} from './column-widening.ts';
import type { TableSchema } from './table-schema.ts';

const varchar = (length: number, collation = 'utf8mb4_bin'): ColumnType => ({
  ...{ kind: 'text', charset: collation.replace(/_.*/, ''), collation },
  ...{ length: length * 4, form: 'varchar' },
});
const varbinary = (length: number): ColumnType => ({ kind: 'binary', form: 'varbinary', length });
const column = (type: ColumnType, more: Partial<Column> = {}): Column => ({
  ...{ name: 'c', type, nullable: true, autoIncrement: false, generated: 'no', invisible: false },
  ...more,
});

const integer = (bits: 8 | 16 | 24 | 32 | 64, unsigned = false): ColumnType => ({
  ...{ kind: 'integer', bits, unsigned },
});
const decimal = (precision: number, scale: number): ColumnType => ({
  ...{ kind: 'decimal', precision, scale },
});
const text = (form: TextForm, length: number): ColumnType => ({
  ...{ kind: 'text', form, length, charset: 'utf8mb4', collation: 'utf8mb4_bin' },
});
const bytes = (form: BinaryForm, length: number): ColumnType => ({ kind: 'binary', form, length });

test.each<[string, ColumnType, ColumnType]>([
  ['letters', varchar(10), varchar(300)],
  ['bytes', varbinary(10), varbinary(11)],
  ['bits', integer(8), integer(64)],
  ['bits without a sign', integer(16, true), integer(32, true)],
  ['bits for a sign', integer(32, true), integer(64)],
  ['digits', decimal(8, 2), decimal(12, 2)],
  ['letters of a CHAR', text('char', 40), text('char', 80)],
  ['a TEXT', varchar(10), text('tinytext', 255)],
  ['a longer TEXT', text('tinytext', 255), text('longtext', 4294967295)],
  ['a BLOB', varbinary(300), bytes('blob', 65535)],
])('more of the same is wider: %s', (_, was, is) => {
  expect(isWidened(column(was), column(is))).toBe(true);
  expect(isWidened(column(is), column(was))).toBe(false);
  expect(isWidened(column(was), column(was))).toBe(false);
});

test('a column that may be NULL now is wider, whatever its type', () => {
  const of = (type: ColumnType) => column(type, { nullable: false });
  expect(isWidened(of({ kind: 'json' }), column({ kind: 'json' }))).toBe(true);
  expect(isWidened(of(varchar(10)), column(varchar(20)))).toBe(true);
  expect(isWidened(of(varchar(10)), column(varchar(9)))).toBe(false);
  expect(isWidened(of(decimal(8, 2)), column(decimal(8, 3)))).toBe(false);
  expect(isWidened(of(varchar(10)), column(varchar(10, 'utf8mb4_0900_ai_ci')))).toBe(false);
});

test('members that come behind the others are more, but for those that are no text', () => {
  for (const kind of ['enum', 'set'] as const) {
    const of = (...values: string[]) => column({ kind, values });
    expect(isWidened(of('a', 'B'), of('a', 'B', 'ü'))).toBe(true);
    for (const other of [
      of('a', 'B'),
      of('a'),
      of('B', 'a', 'c'),
      of('c', 'a', 'B'),
      of('a', 'b', 'c'),
    ]) {
      expect(isWidened(of('a', 'B'), other)).toBe(false);
    }
    // The error value is in the log as a text that is no member.
    expect(isWidened(of('a'), of('a', ''))).toBe(false);
    expect(isWidened(of('', 'a'), of('', 'a', '\0'))).toBe(false);
    expect(isWidened(of('', 'a'), of('', 'a', 'b'))).toBe(true);
  }
  expect(
    isWidened(column({ kind: 'enum', values: ['a'] }), column({ kind: 'set', values: ['a', 'b'] })),
  ).toBe(false);
});

test.each<[string, Column, Column]>([
  ['the same', column(varchar(10)), column(varchar(10))],
  ['a shorter one', column(varchar(10)), column(varchar(9))],
  ['another collation', column(varchar(10)), column(varchar(20, 'utf8mb4_0900_ai_ci'))],
  ['another character set', column(varchar(10)), column(varchar(20, 'latin1_bin'))],
  ['NOT NULL', column(varchar(10)), column(varchar(20), { nullable: false })],
  ['generated', column(varchar(10)), column(varchar(20), { generated: 'stored' })],
  ['bytes', column(varchar(10)), column(varbinary(400))],
  ['of more zero bytes', column(bytes('binary', 4)), column(bytes('binary', 9))],
  ['padded', column(varbinary(1)), column({ kind: 'binary', form: 'binary', length: 2 })],
  ['a TEXT that is shorter', column(varchar(100)), column(text('tinytext', 255))],
  ['no CHAR any more', column(text('char', 40)), column(text('text', 65535))],
  ['a VARCHAR that was a CHAR', column(text('char', 40)), column(varchar(300))],
  ['without a sign', column(integer(8)), column(integer(32, true))],
  ['of as many bits with a sign', column(integer(32, true)), column(integer(32))],
  ['a Decimal in the log', column(integer(32, true)), column(integer(64, true))],
  ['of more digits behind the point', column(decimal(8, 2)), column(decimal(12, 4))],
  ['without digits behind the point', column(decimal(8, 2)), column(decimal(8, 0))],
  ['another number', column({ kind: 'float' }), column({ kind: 'double' })],
  ['another kind', column(integer(32)), column(decimal(20, 0))],
])('a column that is %s is not', (_, was, is) => {
  expect(isWidened(was, is)).toBe(false);
});

test('longer is more letters or bytes of the same form alone', () => {
  expect(isLonger(varchar(10), varchar(11))).toBe(true);
  expect(isLonger(varbinary(10), varbinary(11))).toBe(true);
  expect(isLonger(varchar(10), text('text', 65535))).toBe(false);
  expect(isLonger(text('char', 40), text('char', 80))).toBe(false);
  expect(isLonger(integer(8), integer(16))).toBe(false);
});

test.each([
  ['varchar(9)', 'varchar(10)', true],
  ['varchar(10)', 'varchar(10)', false],
  ['varbinary(9)', 'varchar(10)', false],
  ['varchar(9)', 'text', true],
  ['tinytext', 'text', true],
  ['int(11)', 'bigint', true],
  ['int(9)', 'int', false],
  ['int(10) unsigned zerofill', 'bigint', true],
  ['int unsigned', 'bigint unsigned zerofill', false],
  ['decimal(8,2) unsigned', 'decimal(9,2)', true],
  // Values below zero would be gone, and the type of a column does not tell.
  ['decimal(8,2)', 'decimal(9,2) unsigned', false],
  ["enum('9')", 'varchar(10)', false],
  ["enum('a','b')", "enum('a','b','it''s, c')", true],
  ["set('a')", "set('a','b')", true],
  ["enum('a','b')", "enum('b','a','c')", false],
  // It may be the server's way to print another member.
  ["enum('a')", "enum('a','?')", false],
])('declarations are compared by what they say: %s, %s', (was, is, wider) => {
  expect(isWiderText(was, is)).toBe(wider);
});

describe('what a statement has made wider', () => {
  const table = (...types: ColumnType[]): TableSchema => ({
    ...{ db: 'd', table: 't', primaryKey: [0], uniqueKeys: [] },
    columns: types.map((type, i) => column(type, { name: ['k', 'A', 'b'][i] ?? '' })),
  });
  const planned = table(varchar(5), varchar(10), varchar(10));
  const typeOf = ({ type }: Column): string =>
    'length' in type ? `varchar(${type.length / 4})` : 'bigint(20)';
  const by = (
    now: TableSchema,
    declared: Record<string, number | string>,
    routed: string[] = [],
    expression = '',
  ) => {
    const printed = new Map(now.columns.map(c => [c.name, { type: typeOf(c), expression }]));
    return widenedBy(
      Object.entries(declared).map(([name, n]) => ({
        ...{ name, type: typeof n === 'number' ? `varchar(${n})` : n, nullable: true },
      })),
      { planned, now, printed, fixed: fixedColumns(planned, routed) },
    ).map(w => w.name);
  };
  const longer = table(varchar(5), varchar(20), varchar(10));

  test('is a column that the table has with the length of the statement', () => {
    expect(by(longer, { a: 20 })).toEqual(['a']);
    expect(by(longer, { a: 20, b: 10 })).toEqual(['a']);
    expect(by(table(varchar(5), varchar(20), varchar(30)), { a: 20, b: 30 })).toEqual(['a', 'b']);
  });

  test('is one that the server does not show yet, too', () => {
    expect(by(planned, { a: 20 })).toEqual(['a']);
    expect(by(planned, { a: 10 })).toEqual([]);
    expect(by(planned, { a: 9 })).toEqual([]);
  });

  test('is none if the table is something else by now', () => {
    expect(by(longer, { a: 15 })).toEqual([]);
    expect(by(longer, { b: 20 })).toEqual([]);
    expect(by(table(varchar(5), varchar(20), varchar(9)), { a: 20, b: 9 })).toEqual([]);
    expect(by(table(varchar(5), varchar(20)), { a: 20 })).toEqual([]);
  });

  test('is no column of the key, nor one by which rows find their target', () => {
    expect(by(table(varchar(9), varchar(10), varchar(10)), { k: 9 })).toEqual([]);
    expect(by(longer, { a: 20 }, ['A'])).toEqual([]);
  });

  test('is no column that others are computed from, but for one that is only longer', () => {
    const number = table(varchar(5), integer(32), varchar(10));
    const wider = table(varchar(5), integer(64), varchar(10));
    const of = (now: TableSchema, type: string, expression: string) => {
      const printed = new Map(now.columns.map(c => [c.name, { type: typeOf(c), expression }]));
      const look = { planned: number, now, printed, fixed: new Set<string>() };
      return widenedBy([{ name: 'a', type, nullable: true }], look).map(w => w.name);
    };
    expect(of(wider, 'bigint', '')).toEqual(['a']);
    expect(of(wider, 'int', '')).toEqual([]);
    expect(of(wider, 'bigint', 'hex(`A`)')).toEqual([]);
    expect(by(longer, { a: 20 }, [], 'hex(`A`)')).toEqual(['a']);
    expect(by(planned, { a: 20 }, [], 'hex(`A`)')).toEqual(['a']);
    expect(by(planned, { a: 'text' }, [], 'hex(`A`)')).toEqual([]);
  });

  test('is a column that may be NULL now, and none that the statement has NOT NULL', () => {
    const at = (table: TableSchema, nullable: boolean): TableSchema => ({
      ...table,
      columns: table.columns.map(c => (c.name === 'A' ? { ...c, nullable } : c)),
    });
    const [strict, lax] = [at(planned, false), at(planned, true)];
    const of = (from: TableSchema, to: TableSchema, n: number, nullable: boolean) => {
      const printed = new Map(to.columns.map(c => [c.name, { type: typeOf(c), expression: 'a' }]));
      const look = { planned: from, now: to, printed, fixed: fixedColumns(from, []) };
      const declared = ['a', 'k'].map(name => ({
        ...{ name, type: `varchar(${name === 'k' ? 5 : n})`, nullable: name === 'k' || nullable },
      }));
      return widenedBy(declared, look);
    };
    const a = (type: string) => [{ name: 'a', type }];
    expect(of(strict, lax, 10, true)).toEqual(a('varchar(10) NULL'));
    expect(of(strict, at(longer, true), 20, true)).toEqual(a('varchar(20) NULL'));
    expect(of(strict, at(longer, false), 20, false)).toEqual(a('varchar(20)'));
    expect(of(lax, at(longer, true), 20, true)).toEqual(a('varchar(20)'));
    // The server does not show it yet.
    expect(of(strict, strict, 10, true)).toEqual(a('varchar(10) NULL'));
    expect(of(strict, strict, 20, true)).toEqual(a('varchar(20) NULL'));
    expect(of(strict, strict, 10, false)).toEqual([]);
    // NULL was made something else in between, or will be.
    expect(of(lax, at(longer, true), 20, false)).toEqual([]);
    expect(of(lax, at(longer, false), 20, false)).toEqual([]);
    expect(of(strict, at(longer, true), 20, false)).toEqual([]);
  });
});

describe('a column that a later statement has dropped', () => {
  const named = (name: string, type: ColumnType, more: Partial<Column> = {}): Column =>
    column(type, { name, nullable: false, ...more });
  const table = (...columns: Column[]): TableSchema => ({
    ...{ db: 'd', table: 't', primaryKey: [0], uniqueKeys: [], columns },
  });
  const [k, n, s] = [named('k', integer(32)), named('N', integer(32)), named('s', varchar(9))];
  const planned = table(k, n, s);

  test.each<[string, string, string, Column]>([
    ['more bits', 'N', 'bigint', { ...n, type: integer(64) }],
    ['NULL', 'N', 'int NULL', { ...n, nullable: true }],
    ['NULL of a text', 's', 'varchar(9) NULL', { ...s, nullable: true }],
    // Its bytes take the character set: the rows between the two statements tell.
    ['a longer text', 's', 'varchar(20)', s],
    ['fewer bits', 'N', 'smallint', n],
    ['what a type does not tell', 'N', 'int zerofill NULL', n],
  ])('is there as it was made: %s', (_, name, type, is) => {
    const {
      table: whole,
      gone,
      types,
    } = withGone(planned, table(k), was =>
      was.name === name ? { name: name.toLowerCase(), type } : undefined,
    );
    expect(whole.columns).toEqual([k, n, s].map(c => (c.name === name ? is : c)));
    expect(gone).toEqual(['N', 's']);
    expect(types.has(name)).toBe(is !== n && is !== s);
  });

  test('is what was planned, unless the statement may have made something else of it', () => {
    const declared = (type: string, nullable = false) => [{ name: 'n', type, nullable }];
    const now = table(k, s);
    expect(withoutDrops(planned, now, ['s'], [])).toEqual(planned);
    expect(withoutDrops(planned, now, ['n'], declared('int'))).toEqual(planned);
    const taken = table(k, { ...n, nullable: true, widened: 'int NULL' }, s);
    expect(withoutDrops(taken, now, ['n'], declared('int', true))).toEqual(taken);
    for (const [list, as] of [
      [null, []],
      [['n'], []],
      [['n'], declared('smallint')],
      [['n'], declared('int', true)],
    ] as const) {
      expect(withoutDrops(planned, now, list, as)).toBe(now);
    }
  });
});

describe('a column that a later statement has made wider still', () => {
  const [n, s] = [column(integer(64), { name: 'N' }), column(varchar(40), { name: 's' })];
  const now = { db: 'd', table: 't', primaryKey: [], uniqueKeys: [], columns: [n, s] };
  const by = (name: string, type: string, nullable = true) => ({ name, type, nullable });

  test('is what the statement declares', () => {
    expect(asDeclared(n, by('n', 'int'), 'bigint(20)')).toEqual({ ...n, type: integer(32) });
    expect(asDeclared(n, by('n', 'bigint', false), 'bigint')).toEqual({ ...n, nullable: false });
    expect(asDeclared(s, by('s', 'varchar(9)'), 'varchar(40)')).toEqual({ ...s, type: varchar(9) });
    // As it is, more than wider by now, or of bytes that cannot be told.
    expect(asDeclared(n, by('n', 'bigint'), 'bigint')).toBeNull();
    expect(asDeclared(n, by('n', 'bigint unsigned'), 'bigint')).toBeNull();
    expect(asDeclared(n, by('n', 'int zerofill'), 'bigint')).toBeNull();
    const long = column(text('text', 65535), { name: 's' });
    expect(asDeclared(long, by('s', 'varchar(9)'), 'text')).toBeNull();
    const longer = column(text('mediumtext', 16777215), { name: 's' });
    expect(asDeclared(longer, by('s', 'text'), 'mediumtext')).toEqual(long);
  });

  test('is wider by the statement only than it was planned', () => {
    const printed = (name: string) => (name === 'N' ? 'bigint' : 'varchar(40)');
    const planned = (bits: 16 | 32) => ({ ...now, columns: [{ ...n, type: integer(bits) }, s] });
    const of = (bits: 16 | 32, type: string) =>
      [...widerThen(planned(bits), now, [by('n', type)], printed)].map(([name, w]) => [
        name,
        w.type,
      ]);
    expect(of(16, 'int')).toEqual([['N', 'int']]);
    expect(of(32, 'int')).toEqual([]);
    expect(of(32, 'smallint')).toEqual([]);
  });

  test('was taken up by the statement that says the very same', () => {
    const taken = { ...now, columns: [{ ...n, type: integer(32), widened: 'int NULL' }, s] };
    expect(isTakenUp(taken, ['n'], [by('n', 'int')])).toBe(true);
    expect(isTakenUp(taken, ['n'], [by('n', 'bigint')])).toBe(false);
    expect(isTakenUp(taken, ['n'], [by('n', 'int', false)])).toBe(false);
    expect(isTakenUp(taken, ['n', 's'], [by('n', 'int'), by('s', 'varchar(40)')])).toBe(false);
    expect(isTakenUp(taken, null, [])).toBe(false);
  });
});
