/** Kinds of values in documents: marks, lists, and what is refused (docs/TYPES.md, JSON). */
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import { JsonNotCarried, writeJson } from './json-binary.ts';
import { hasMarks, writeUnmarked } from './json-kind.ts';
import { writeKinds, writeWithKinds } from './json-kind-list.ts';
import { writeDocument } from './json-literal.ts';

function written(write: (out: ByteWriter) => void): string {
  const out = new ByteWriter(16);
  write(out);
  return out.take().toString('utf8');
}

function marked(text: string, list: object): string {
  const src = Buffer.from(text);
  const names = Buffer.from(JSON.stringify(list));
  return written(out => writeWithKinds(src, 0, src.length, names, out));
}

const TEXT =
  '{"a": 1.50, "b,c": [[7, "2024-01-02"], {}, {"d": "03:04:05.000000"}], "e": "base64:type252:AP8="}';
/** All but arrays are counted, and arrays that are first in one: the root is 1, `[7, ...]` is 3. */
const KINDS = { 2: 'DECIMAL', 4: 'UNSIGNED INTEGER', 5: 'DATE', 8: 'TIME', 9: 'BLOB' };
const MARKED =
  '{"a": 1.50\t\t, "b,c": [[7\t\n, "2024-01-02"\t\r], {}, {"d": "03:04:05.000000"\n\t}], ' +
  '"e": "base64:type252:AP8="\r\t}';

describe('kinds of values in a document', () => {
  test('are marked behind the values that the list names by their ordinals', () => {
    expect(marked(TEXT, KINDS)).toBe(MARKED);
  });

  test('leave the text and its parse as they are', () => {
    const src = Buffer.from(MARKED);
    expect(hasMarks(src, 0, src.length)).toBe(true);
    expect(written(out => writeUnmarked(src, 0, src.length, out))).toBe(TEXT);
    expect(JSON.parse(MARKED)).toEqual(JSON.parse(TEXT));
  });

  test('are told by the marks as the server lists them', () => {
    const src = Buffer.from(MARKED);
    const list = written(out => writeKinds(src, 0, src.length, out));
    expect(list.slice(0, 2)).toBe(',#');
    expect(JSON.parse(list.slice(2))).toEqual(KINDS);
  });

  test('a number beyond the signed ones is UNSIGNED without a mark', () => {
    const text = '[9223372036854775807, 9223372036854775808]';
    const all = marked(text, { 1: 'UNSIGNED INTEGER', 2: 'UNSIGNED INTEGER' });
    expect(all).toBe('[9223372036854775807\t\n, 9223372036854775808]');
    const src = Buffer.from(all);
    expect(written(out => writeKinds(src, 0, src.length, out))).toBe(
      ',#{"1": "UNSIGNED INTEGER", "2": "UNSIGNED INTEGER"}',
    );
  });

  test.each<[string, object]>([
    ['a value that is not there', { 12: 'DATE' }],
    ['a value of another form', { 2: 'DATE' }],
    ['a string that is no bytes', { 5: 'BLOB' }],
    ['a container', { 3: 'DECIMAL' }],
  ])('a list that names %s is not taken', (_, list) => {
    expect(() => marked(TEXT, list)).toThrow(/kinds of values|of another form/);
  });

  test('bytes of a type that no column has are refused, in a list and in an image', () => {
    expect(() => marked('["base64:type253:AP8="]', { 1: 'BLOB' })).toThrow(JsonNotCarried);
    expect(() => marked('["base64:type255:AP8="]', { 1: 'OPAQUE' })).toThrow(JsonNotCarried);
    expect(() => marked('[1]', { 1: 'MONEY' })).toThrow(JsonNotCarried);
    // A value alone: opaque, of the field type 253, two bytes.
    const image = Buffer.from([0x0f, 253, 2, 0x00, 0xff]);
    expect(() => written(out => writeJson(image, 0, image.length, out))).toThrow(JsonNotCarried);
    image[1] = 252;
    expect(written(out => writeJson(image, 0, image.length, out))).toBe(
      '"base64:type252:AP8="\r\t',
    );
  });

  test('a DECIMAL of more digits than a column has is one, from an image and in a statement', () => {
    const literal = (text: string): string => {
      const src = Buffer.from(text);
      return written(out => writeDocument(src, 0, src.length, out));
    };
    // Opaque, a DECIMAL, 38 bytes: 81 digits, none behind the point, nine groups of 999999999.
    const groups = Array.from({ length: 9 }, () => [0x3b, 0x9a, 0xc9, 0xff]).flat();
    const image = Buffer.from([0x0f, 246, 38, 81, 0, ...groups]);
    image[5] = 0xbb;
    const text = `${'9'.repeat(81)}\t\t`;
    expect(written(out => writeJson(image, 0, image.length, out))).toBe(text);
    expect(literal(text)).toBe(`CAST(${'9'.repeat(81)} AS JSON)`);
    const small = `0.${'0'.repeat(30)}1`;
    expect(literal(`${small}\t\t`)).toBe(`CAST(${small} AS JSON)`);
    const most = `0.${'0'.repeat(29)}1`;
    expect(literal(`${most}\t\t`)).toBe(`CAST(CAST(${most} AS DECIMAL(30,30)) AS JSON)`);
    expect(literal('7\t\t')).toBe('CAST(CAST(7 AS DECIMAL(1,0)) AS JSON)');
  });

  test('a statement has less than ten times the bytes of a document', () => {
    // The smallest values cost most, beside one with a mark.
    const src = Buffer.from(`[${'1, '.repeat(1000)}1.5\t\t]`);
    const sql = written(out => writeDocument(src, 0, src.length, out));
    expect(sql.length).toBeGreaterThan(9 * src.length);
    expect(sql.length).toBeLessThan(10 * src.length);
  });

  test('a literal is ASCII, whatever the keys and texts are', () => {
    const src = Buffer.from('{"größe\'\\\\": 1.50\t\t, "😀": "größe"}');
    const sql = written(out => writeDocument(src, 0, src.length, out));
    expect(sql).toMatch(/^[\x20-\x7e]+$/);
    expect(sql).not.toMatch(/größe/);
  });

  test.each(['[1\t', '[1\t\tx', '{"a"', '["a', '[1, 2', ']', '{"a": '])(
    'text %j, which no writer of ours makes, is refused by what reads it',
    text => {
      const src = Buffer.from(text);
      expect(() => written(out => writeDocument(src, 0, src.length, out))).toThrow();
    },
  );
});
