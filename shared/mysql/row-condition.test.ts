/** A condition of an operator ends where it seems to, and asks for nothing but the row. */
import { describe, expect, test } from 'vitest';
import { rowCondition } from './row-condition.ts';

const COLUMNS = ['id', 'amount', 'created_at', 'date', 'note', 'Größe', 'a`b'];
const written = (text: string): string => rowCondition(text, COLUMNS);

describe('a condition over the columns of a row', () => {
  test.each([
    ["created_at >= '2026-01-01'", "`created_at` >= '2026-01-01'"],
    ['ID in (1,2)and amount is not null', '`id` IN ( 1 , 2 ) AND `amount` IS NOT NULL'],
    ["note like 'it''s %' or note = ''", "`note` LIKE 'it''s %' OR `note` = ''"],
    [
      "date = date '2026-01-01' or date(date) < 0",
      "`date` = DATE '2026-01-01' OR DATE( `date` ) < 0",
    ],
    ['length (note)>-1.5e3 xor id=0xAF', 'LENGTH( `note` ) > - 1.5e3 XOR `id` = 0xAF'],
    ['größe <=> null or `a``b` = 1', '`Größe` <=> NULL OR `a``b` = 1'],
    ['not(id=1)', 'NOT ( `id` = 1 )'],
    ['id = 1 -- 1', '`id` = 1 - - 1'],
  ])('%s', (text, sql) => {
    expect(written(text)).toBe(sql);
  });

  test.each([
    ['a subquery', 'id IN (SELECT 1)', 'SELECT'],
    ['what depends on the moment', 'created_at > NOW()', 'NOW(...)'],
    ['the same without parentheses', 'created_at > CURRENT_TIMESTAMP', 'CURRENT_TIMESTAMP'],
    ['chance', 'RAND() < 0.5', 'RAND(...)'],
    ['a function that waits', 'SLEEP(9)', 'SLEEP(...)'],
    ['a function of the server', 'id = CONNECTION_ID()', 'CONNECTION_ID(...)'],
    ['a variable of the user', 'id > @x', 'understood'],
    ['a setting', '@@hostname = note', 'understood'],
    ['another column', 'secret = 1', 'secret'],
    ['a column of another table', 'other.id = 1', 'understood'],
    ['a second statement', 'id = 1; DROP TABLE t', 'understood'],
    ['a comment', 'id = 1 # amount', 'understood'],
    ['a comment of another kind', 'id = 1 -- x', 'x'],
    ['its end before its end', 'id = 1) OR (id = 2', 'not open'],
    ['a parenthesis that is not closed', '(id = 1', 'not closed'],
    ['a text in double quotes', 'note = "x"', 'understood'],
    ['a text that ends behind a backslash', "note = '\\' OR 1=1 OR note = '", 'understood'],
    ['a text without an end', "note = 'x", 'understood'],
    ['a place for a parameter', 'id = ?', 'understood'],
    ['nothing', '  ', 'empty'],
    ['an assignment', 'id := 1', 'understood'],
  ])('refuses %s', (_, text, why) => {
    expect(() => written(text)).toThrow(why);
  });
});
