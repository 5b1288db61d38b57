/** Statements as they are shown: their words, and no value. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withoutStrings } from './words.ts';

test.each([
  [
    "ALTER TABLE t ADD c CHAR(9) DEFAULT 'it''s' COMMENT \"a 'b'\"",
    'ALTER TABLE t ADD c CHAR(9) DEFAULT \'?\' COMMENT "?"',
  ],
  ["/* by ann */ ALTER TABLE `a'b` -- now\n DROP c # 'x", "ALTER TABLE `a'b` DROP c"],
  ["ALTER TABLE t /*!80000 ADD c INT DEFAULT x'41'*/", "ALTER TABLE t ADD c INT DEFAULT x'?'"],
  ['ALTER TABLE t ADD c INT DEFAULT 7', 'ALTER TABLE t ADD c INT DEFAULT 7'],
  ["ALTER TABLE t COMMENT 'a\\'b'", '(not shown: it has a backslash)'],
  ["ALTER TABLE t COMMENT 'a", '(not shown: a string in it has no end)'],
])('%s', (text, shown) => {
  expect(withoutStrings(text)).toBe(shown);
});

test('no string of it is shown, whatever is in it, and it has an end', () => {
  const secret = fc.string({ maxLength: 40 }).map(s => `SECRET${s.replaceAll("'", "''")}SECRET`);
  fc.assert(
    fc.property(secret, fc.constantFrom('`c`', 'c', '"c"', '/* x */ c'), (value, name) => {
      const shown = withoutStrings(
        `ALTER TABLE t ADD ${name} CHAR(99) DEFAULT '${value}' NOT NULL`,
      );
      expect(shown).not.toContain('SECRET');
    }),
  );
  expect(withoutStrings(`ALTER TABLE t ADD ${'c'.repeat(5000)} INT`).length).toBeLessThan(2010);
});
