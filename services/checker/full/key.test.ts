import { expect, test } from 'vitest';
import { keyText, readableKey } from '../../../shared/mysql/key-literal.ts';
import type { Column, ColumnType } from '../../../shared/type/column-type.ts';
import { ownedIds } from './gtid-upper-bound.ts';

const column = (name: string, type: ColumnType): Column => ({
  name,
  type,
  nullable: false,
  autoIncrement: false,
  generated: 'no',
  invisible: false,
});

const text: ColumnType = {
  kind: 'text',
  charset: 'utf8mb4',
  collation: 'utf8mb4_0900_bin',
  length: 80,
  form: 'varchar',
};

test('a key is shown by column, as people read the values', () => {
  const columns = [
    column('set', { kind: 'set', values: ['x', 'y', 'z'] }),
    column('id', { kind: 'integer', bits: 64, unsigned: true }),
    column('word', text),
    column('raw', { kind: 'binary', length: 4, form: 'varbinary' }),
    column('day', { kind: 'date' }),
    column('kind', { kind: 'enum', values: ['a', 'b'] }),
  ];
  const schema = { db: 'd', table: 't', columns, primaryKey: [1, 2, 3, 4, 5, 0], uniqueKeys: [] };
  const word = Buffer.from("it's\t🚚").toString('hex');
  const key = ['18446744073709551615', `_utf8mb4 x'${word}'`, "x'00FF'", "'2024-01-02'", '2', '5'];
  expect(readableKey(schema, key)).toEqual({
    id: '18446744073709551615',
    word: "it's\t🚚",
    raw: '0x00FF',
    day: '2024-01-02',
    kind: 'b',
    set: 'x,z',
  });
  expect(keyText(key).split('\t')).toEqual(key);
});

test('transactions that sessions own are read as MySQL 9.7 prints them', () => {
  const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
  expect(ownedIds('')).toEqual([]);
  expect(ownedIds(`${uuid}:9#9:7#8${uuid}:tagx:3#10`)).toEqual(['9#9', '7#8', '3#10']);
});
