/** What is refused, with the column's name and a way out; the rest of the types pass. */
import { describe, expect, test } from 'vitest';
import type { Column, ColumnType } from '../type/column-type.ts';
import { type TableSchema, unsupportedColumns } from './table-schema.ts';

const INT: ColumnType = { kind: 'integer', bits: 32, unsigned: false };

function column(name: string, type: ColumnType, generated: Column['generated'] = 'no'): Column {
  return { name, type, nullable: false, autoIncrement: false, generated, invisible: false };
}

function text(charset: string, collation: string): ColumnType {
  return { kind: 'text', charset, collation, length: 80, form: 'varchar' };
}

function table(columns: Column[], primaryKey = [0]): TableSchema {
  return { db: 'd', table: 't', columns, primaryKey, uniqueKeys: [] };
}

function refused(...columns: Column[]): string[] {
  const found = unsupportedColumns(table([column('id', INT), ...columns]));
  for (const { reason, remedy } of found) {
    expect(reason.length).toBeGreaterThan(20);
    expect(remedy.length).toBeGreaterThan(10);
  }
  return found.map(f => f.column);
}

describe('refused columns', () => {
  test('a type that is not carried, with the reason', () => {
    const geometry: ColumnType = { kind: 'unsupported', declared: 'geometry', reason: 'no form' };
    expect(refused(column('g', geometry), column('a', INT))).toEqual(['g']);
  });

  test('a text key whose literals the server warns of', () => {
    const [found] = unsupportedColumns(table([column('k', text('hp8', 'hp8_english_ci'))]));
    expect(found).toMatchObject({ column: 'k', reason: expect.stringContaining('hp8') });
  });

  test('CHAR in a key under a collation without padding, as MariaDB has them', () => {
    const type = { ...text('utf8mb4', 'utf8mb4_nopad_bin'), form: 'char' } as ColumnType;
    expect(unsupportedColumns(table([column('k', type)]))).toMatchObject([{ column: 'k' }]);
    expect(unsupportedColumns(table([column('id', INT), column('v', type)]))).toEqual([]);
  });

  test('character sets that no table of ours has', () => {
    const sets = ['utf8mb4', 'utf8mb3', 'ascii', 'latin1', 'gbk', 'utf16', 'cp1251', 'gb18030', ''];
    const columns = sets.map(s => column(`in ${s}`, text(s, `${s}_general_ci`)));
    expect(refused(...columns)).toEqual(['in gb18030', 'in ']);
  });

  test('a virtual column of a type that is not carried', () => {
    const point: ColumnType = { kind: 'unsupported', declared: 'point', reason: 'none' };
    const virtual = [INT, point].map((type, at) => {
      return { column: column(`v${at}`, type, 'virtual'), at, expression: '' };
    });
    const found = unsupportedColumns({ ...table([column('id', INT)]), virtual });
    expect(found.map(f => f.column)).toEqual(['v1']);
  });

  test('a table without a key', () => {
    const [first] = unsupportedColumns(table([column('a', INT)], []));
    expect(first).toMatchObject({ column: '', remedy: expect.stringContaining('reshard doctor') });
  });

  test('no collation of a key, no character set but some, and no number', () => {
    for (const collation of ['utf8mb4_0900_ai_ci', 'utf8mb4_bin', 'utf8mb4_cs_0900_ai_ci']) {
      expect(unsupportedColumns(table([column('k', text('utf8mb4', collation))]))).toEqual([]);
    }
    for (const charset of ['gbk', 'sjis', 'ucs2', 'utf16', 'cp1251']) {
      const type = text(charset, `${charset}_general_ci`);
      expect(unsupportedColumns(table([column('k', type)]))).toEqual([]);
    }
    for (const kind of ['float', 'double'] as const) {
      expect(unsupportedColumns(table([column('k', { kind })]))).toEqual([]);
    }
  });
});
