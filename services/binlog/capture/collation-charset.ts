/**
 * Character sets of the collations that only MariaDB has, by the ids that a TableMap event carries.
 * zongji knows MySQL's, and takes every other for utf8mb4: a latin1 column with a NO PAD collation
 * would be decoded as what it is not.
 */

/** A NO PAD collation has the number of its PAD SPACE twin and this. */
const NO_PAD = 1024;
const NO_PAD_END = 2048;

const NO_PAD_CHARSETS: Record<string, readonly number[]> = {
  big5: [1, 84],
  dec8: [3, 69],
  cp850: [4, 80],
  hp8: [6, 72],
  koi8r: [7, 74],
  latin1: [8, 47],
  latin2: [9, 77],
  swe7: [10, 82],
  ascii: [11, 65],
  ujis: [12, 91],
  sjis: [13, 88],
  hebrew: [16, 71],
  tis620: [18, 89],
  euckr: [19, 85],
  koi8u: [22, 75],
  gb2312: [24, 86],
  greek: [25, 70],
  cp1250: [26, 66],
  gbk: [28, 87],
  latin5: [30, 78],
  armscii8: [32, 64],
  utf8mb3: [33, 83, 192, 214],
  ucs2: [35, 90, 128, 150],
  cp866: [36, 68],
  keybcs2: [37, 73],
  macce: [38, 43],
  macroman: [39, 53],
  cp852: [40, 81],
  latin7: [41, 79],
  utf8mb4: [45, 46, 224, 246],
  cp1251: [50, 51],
  utf16: [54, 55, 101, 123],
  utf16le: [56, 62],
  cp1256: [57, 67],
  cp1257: [58, 59],
  utf32: [60, 61, 160, 182],
  geostd8: [92, 93],
  cp932: [95, 96],
  eucjpms: [97, 98],
};

/** Blocks of 32 ids (older collations of MariaDB alone) and of 256 (uca1400). */
const BLOCKS: readonly (readonly [first: number, end: number, charset: string])[] = [
  [576, 608, 'utf8mb3'],
  [608, 640, 'utf8mb4'],
  [640, 672, 'ucs2'],
  [672, 704, 'utf16'],
  [736, 768, 'utf32'],
  [2048, 2304, 'utf8mb3'],
  [2304, 2560, 'utf8mb4'],
  [2560, 2816, 'ucs2'],
  [2816, 3072, 'utf16'],
  [3072, 3328, 'utf32'],
];

/** undefined for collations that MySQL has too. */
export function mariadbCharset(collation: number): string | undefined {
  if (collation >= NO_PAD && collation < NO_PAD_END) {
    const twin = collation - NO_PAD;
    return Object.entries(NO_PAD_CHARSETS).find(([, ids]) => ids.includes(twin))?.[0];
  }
  return BLOCKS.find(([first, end]) => collation >= first && collation < end)?.[2];
}
