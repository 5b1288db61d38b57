/** Columns that were added with a constant: what is known of them, what a target makes of it. */
import { expect, test } from 'vitest';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { AddedConstant } from '../../../shared/schema/column-constant.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import {
  constantsOf,
  defaultLiteral,
  isFilledSo,
  isSameType,
  otherThan,
  withFills,
} from './constant-column.ts';

const column = (name: string, more: Partial<Column> = {}): Column => ({
  name,
  type: { kind: 'integer', bits: 32, unsigned: false },
  ...{ nullable: false, autoIncrement: false, generated: 'no', invisible: false },
  ...more,
});
const table = (...columns: Column[]): TableSchema => ({
  ...{ db: 'd', table: 't', columns, primaryKey: [0], uniqueKeys: [] },
});
const planned = table(column('id'), column('old', { fill: '04' }));
const plan: TablePlan = {
  ...{ generation: 1, source: 's1', db: 'd', table: 't', topic: 's1.d.t', schemaJson: '{}' },
  ...{ keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges: [], schema: planned },
};
const fact = (name: string, type: string, value: string | null = null, extra = '') => ({
  ...{ name, type, value, extra },
});
const declared = (o: Partial<AddedConstant> = {}): AddedConstant => ({
  ...{ name: 'came', type: 'INT(11)', notNull: true, literal: '7' },
  ...o,
});
const now = table(column('id'), column('old'), column('Came'));

test('what the statement says, whatever default the table shows by now', () => {
  const { known, against } = constantsOf(plan, now, [fact('Came', 'int', '9')], [declared()]);
  expect([against, known.get('Came')?.sql]).toEqual([[], '7']);
  const fills = withFills(plan, now, known).columns.map(c => c.fill);
  // What was taken up before stays as it was then.
  expect(fills).toEqual([undefined, '04', '0e']);
  const other = table(column('id'), column('old', { type: { kind: 'date' } }));
  expect(withFills(plan, other, new Map()).columns[1]).not.toHaveProperty('fill');
});

test.each<[string, Partial<AddedConstant>, string]>([
  ['another type by now', { type: 'bigint' }, 'column Came was changed after it was added'],
  ['NULL allowed by now', { notNull: false }, 'column Came was changed after it was added'],
  ['rounded', { literal: '7.5' }, 'column Came has a default that is no plain 32-bit integer'],
])('is not taken for a constant: %s', (_, o, why) => {
  const { known, against } = constantsOf(plan, now, [fact('Came', 'int', '9')], [declared(o)]);
  expect([known.size, against]).toEqual([0, [why]]);
});

test('of columns that the plan has, and that no statement names, nothing is known', () => {
  const names = [declared({ name: 'old' }), declared({ name: 'other' })];
  expect(constantsOf(plan, now, [fact('Came', 'int')], names).known.size).toBe(0);
});

test.each([
  ['int', 'int(11)', true],
  ['INTEGER unsigned', 'int unsigned', true],
  ['tinyint(1)', 'tinyint', true],
  ['boolean', 'tinyint(1)', true],
  ['dec(8)', 'decimal(8,0)', true],
  ['numeric', 'decimal(10,0)', true],
  ['decimal(8,2)', 'decimal(8,2)', true],
  ['character varying(9)', 'varchar(9)', true],
  ['char', 'char(1)', true],
  ['double precision', 'double', true],
  ["enum('A','b')", "enum('A','b')", true],
  ["enum('A','b')", "enum('a','b')", false],
  ['int', 'int unsigned', false],
  ['decimal(8,2)', 'decimal(8,3)', false],
  ['varchar(9)', 'varchar(8)', false],
  ['double(5,2)', 'double(5,2)', false],
  ['datetime', 'datetime(3)', false],
])('%s declared, %s shown: the same type %s', (was, is, same) => {
  expect(isSameType(was, is)).toBe(same);
});

test.each([
  ['mysql', '7', '', "'7'"],
  ['mysql', "it's", '', "'it''s'"],
  ['mysql', 'uuid()', 'DEFAULT_GENERATED', null],
  ['mysql', null, '', null],
  ['mariadb', '7', '', '7'],
  ['mariadb', "'7'", '', "'7'"],
  ['mariadb', 'NULL', '', null],
  ['mariadb', 'current_timestamp()', '', null],
] as const)(
  'the default of a %s column that prints %s %s is %s',
  (flavor, value, extra, wanted) => {
    expect(defaultLiteral(flavor, fact('Came', 'int', value, extra))).toBe(wanted);
  },
);

test('a target must have made the same value of it', () => {
  const constant = constantsOf(plan, now, [fact('Came', 'int')], [declared()]).known.get('Came');
  if (constant === undefined) throw new Error('no constant');
  const is = (value: string | null) =>
    isFilledSo('mysql', now, fact('Came', 'int', value), constant);
  expect(['7', '8', null].map(is)).toEqual([true, false, false]);
});

test('texts that compare equal are told apart', () => {
  const type = { kind: 'text', charset: 'utf8mb4', collation: 'utf8mb4_general_ci' } as const;
  const text = column('c', { type: { ...type, length: 36, form: 'varchar' } });
  const constant = { bytes: Buffer.from('0261', 'hex'), sql: "'a'", operand: "'a'" };
  expect(otherThan(text, constant)).toBe(
    "NOT (CAST(CONVERT(`c` USING utf8mb4) AS BINARY) <=> CAST(CONVERT('a' USING utf8mb4) AS BINARY))",
  );
  expect(otherThan(column('n'), { ...constant, operand: '7' })).toBe('NOT (`n` <=> 7)');
});
