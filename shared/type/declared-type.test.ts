import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DeclaredType, listedValues } from './declared-type.ts';
import { columnTypeOf } from './type-families.ts';

function declared(dataType: string, columnType = dataType, o: Partial<DeclaredType> = {}) {
  const none = { charset: null, collation: null, octetLength: null };
  return columnTypeOf({
    dataType,
    columnType,
    ...none,
    precision: null,
    scale: null,
    fsp: null,
    ...o,
  });
}

describe('declared types', () => {
  test('display width and zerofill do not change an integer', () => {
    expect(declared('int', 'int(10) unsigned zerofill')).toEqual({
      kind: 'integer',
      bits: 32,
      unsigned: true,
    });
    expect(declared('bigint')).toEqual({ kind: 'integer', bits: 64, unsigned: false });
  });

  test('a type that is not known is unsupported and keeps its words', () => {
    for (const name of ['xmltype', 'vectors', 'uuid2', 'inet', 'curve']) {
      expect(declared(name, `${name}(3)`)).toMatchObject({
        kind: 'unsupported',
        declared: `${name}(3)`,
      });
    }
  });

  test.each([
    ['text', 'text /*M!100301 COMPRESSED*/', 'without COMPRESSED'],
    ['varchar', 'varchar(9) /*M!100301 COMPRESSED*/', 'without COMPRESSED'],
    ['datetime', 'datetime(3) /* mariadb-5.3 */', 'mysql56_temporal_format'],
    ['timestamp', 'timestamp /* mariadb-5.3 */', 'mysql56_temporal_format'],
    ['year', 'year(2)', 'as YEAR'],
  ])('a %s that is told as %s is refused, with the way out', (dataType, text, remedy) => {
    expect(declared(dataType, text)).toMatchObject({
      ...{ kind: 'unsupported', declared: text },
      remedy: expect.stringContaining(remedy),
    });
  });

  test('words in a member, and four digits of a year, are no form of their own', () => {
    const members = "enum('/* a */','x COMPRESSED*/')";
    expect(declared('enum', members)).toMatchObject({ kind: 'enum' });
    expect(declared('year', 'year(4)')).toEqual({ kind: 'year' });
  });
});

test('listed values of any text survive the quoting of INFORMATION_SCHEMA', () => {
  const quote = (value: string): string =>
    `'${value
      .replaceAll('\\', '\\\\')
      .replaceAll('\0', '\\0')
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\r')
      .replaceAll("'", "''")}'`;
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: fc.constantFrom('a', "'", '\\', ',', '(', ')', '\n', 'é', '0') }),
        {
          minLength: 1,
        },
      ),
      values => {
        expect(listedValues(`enum(${values.map(quote).join(',')})`)).toEqual(values);
      },
    ),
  );
});
