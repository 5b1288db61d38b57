/** Any bytes come back from the text that is made of them, whatever a server makes of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import { charsetOf, isCarriedCharset, NoText } from './charset.ts';

const CODED = [
  ...['armscii8', 'cp1250', 'cp1251', 'cp1256', 'cp1257', 'cp850', 'cp852', 'cp866', 'dec8'],
  ...['geostd8', 'greek', 'hebrew', 'hp8', 'keybcs2', 'koi8r', 'koi8u', 'latin2', 'latin5'],
  ...['latin7', 'macce', 'macroman', 'swe7', 'tis620'],
  ...['big5', 'cp932', 'eucjpms', 'euckr', 'gb2312', 'gbk', 'sjis', 'ujis'],
];

function decoded(name: string, bytes: Uint8Array): Buffer {
  const out = new ByteWriter(16);
  charsetOf(name)?.decode(Buffer.from(bytes), 0, bytes.length, out);
  return out.take();
}

function encoded(name: string, text: Buffer): Buffer {
  const out = new ByteWriter(16);
  charsetOf(name)?.encode(text, 0, text.length, out);
  return out.take();
}

describe.each(CODED)('%s', name => {
  test('any bytes come back, also those that are no text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        const text = decoded(name, bytes);
        expect(text.equals(Buffer.from(text.toString('utf8')))).toBe(true);
        expect(encoded(name, text)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 300 },
    );
  });

  test('two codes are two characters', () => {
    const texts = new Set<string>();
    for (let code = 0; code < 256; code++)
      texts.add(decoded(name, Uint8Array.of(code)).toString('hex'));
    expect(texts.size).toBe(256);
  });
});

test('code points of their own numbers: pairs are one character, a half is refused', () => {
  const smile = Buffer.from('😀');
  expect(decoded('utf16', Buffer.from('d83dde00', 'hex'))).toEqual(smile);
  expect(decoded('ucs2', Buffer.from('d83dde00', 'hex'))).toEqual(smile);
  expect(decoded('utf16le', Buffer.from('3dd800de', 'hex'))).toEqual(smile);
  expect(decoded('utf32', Buffer.from('0001f600', 'hex'))).toEqual(smile);
  for (const [name, hex] of [
    ['ucs2', 'd83d'],
    ['ucs2', 'd83d0041'],
    ['ucs2', 'de00d83d'],
    ['utf16le', '3dd8'],
    ['utf16', '00'],
    ['utf32', '0000d83d'],
    ['utf32', '00110000'],
  ] as const) {
    const bytes = Buffer.from(hex, 'hex');
    expect(() => decoded(name, bytes), hex).toThrow(NoText);
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), s => {
      for (const name of ['utf16', 'ucs2', 'utf16le', 'utf32']) {
        const text = Buffer.from(s);
        expect(decoded(name, encoded(name, text))).toEqual(text);
      }
    }),
  );
});

test('a character that the character set lacks is no bytes of it', () => {
  expect(() => encoded('cp1251', Buffer.from('日'))).toThrow(NoText);
  expect(() => encoded('gbk', Buffer.from('😀'))).toThrow(NoText);
});

test('well-known texts', () => {
  const hex = (name: string, text: string): string =>
    encoded(name, Buffer.from(text)).toString('hex');
  expect(hex('cp1251', 'Привет')).toBe('cff0e8e2e5f2');
  expect(hex('gbk', '中文')).toBe('d6d0cec4');
  expect(hex('sjis', '日本ｱ\\')).toBe('93fa967bb15c');
  expect(hex('euckr', '한국갂')).toBe('c7d1b1b98141');
  expect(hex('ujis', '日本')).toBe('c6fccbdc');
  expect(hex('big5', '中文')).toBe('a4a4a4e5');
});

test('others are not carried', () => {
  expect(['gb18030', 'filename', ''].filter(isCarriedCharset)).toEqual([]);
});
