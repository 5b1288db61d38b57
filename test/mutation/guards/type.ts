/** Guards of the types: values, names and columns are what they are on the source. */
import type { Guard } from './guard.ts';

export const TYPE_GUARDS: Guard[] = [
  {
    name: 'a date that no calendar has',
    why: 'a zero date becomes a day of the year before',
    file: 'shared/type/civil-day.ts',
    find: 'return NO_DAY + ((year << 9) | (month << 5) | day);',
    replace: 'return dayNumber(year, month, day);',
    tests: ['shared/type/civil-day.test.ts'],
    named: 'comes back as it was written',
  },
  {
    name: 'two codes of one character',
    why: 'bytes of a text become those of another code',
    file: 'shared/type/charset.ts',
    find: 'if (character === NONE || this.#codes.has(character)) continue;',
    replace: 'if (character === NONE) continue;',
    tests: ['shared/type/charset.test.ts'],
    named: 'any bytes come back',
  },
  {
    name: 'virtual columns of a row image',
    why: 'values of a virtual column are read as those of its neighbour',
    file: 'shared/row/row-codec.ts',
    find: 'if (this.#image !== null) return',
    replace: 'if (this.#image !== null && end < 0) return',
    tests: ['shared/row/virtual.test.ts'],
  },
  {
    name: 'members that the server prints as question marks',
    why: 'targets are made with question marks, and rows arrive as such',
    file: 'shared/mysql/true-members.ts',
    find: "return session.flavor === 'mysql' && type.values.some(v => v.includes('?'));",
    replace: "return session.flavor === 'mysql' && type.values.some(v => v.includes('??'));",
    tests: ['shared/mysql/true-members.mysql.test.ts'],
    named: 'knows them',
  },
  {
    name: 'two columns that are one in Avro',
    why: 'one column takes the values of another',
    file: 'shared/codec/avro-schema.ts',
    find: 'let field = isAlone ? plain : avroName(numbered(name));',
    replace: 'let field = isAlone ? plain : plain;',
    tests: ['shared/codec/corrupt.test.ts'],
    named: 'columns that would be one field',
  },
  {
    name: 'expressions that the server prints as question marks',
    why: 'targets compute other values than the source',
    file: 'shared/mysql/schema-copy.ts',
    find: 'if (there !== here) {',
    replace: 'if (there !== here && here === "") {',
    tests: ['shared/mysql/true-members.mysql.test.ts'],
    named: 'prints with question marks is not made',
  },
];
