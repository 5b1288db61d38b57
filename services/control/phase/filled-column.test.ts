/** Which declarations fill a column by themselves, as MySQL and MariaDB print them. */
import { expect, test } from 'vitest';
import { howFilled } from './filled-column.ts';

test.each([
  [null, ''],
  [null, 'INVISIBLE'],
  ['NULL', ''],
])('is NULL where nobody has written it: default %s, %s', (value, extra) => {
  expect(howFilled(value, extra)).toBeNull();
});

test.each([
  ['7', '', /default/],
  ["'NULL'", '', /default/],
  ['', '', /default/],
  ['uuid()', 'DEFAULT_GENERATED', /default/],
  ['CURRENT_TIMESTAMP', 'DEFAULT_GENERATED on update CURRENT_TIMESTAMP', /default/],
  [null, 'on update CURRENT_TIMESTAMP(3)', /ON UPDATE/],
  ['NULL', 'on update current_timestamp()', /ON UPDATE/],
])('is filled by the server: default %s, %s', (value, extra, words) => {
  expect(howFilled(value, extra)).toMatch(words);
});
