/** Two values that differ never look the same. */
import { expect, test } from 'vitest';
import { shownOf } from './shown-value.ts';

const read = (text: string, exact: string) => ({ text, bytes: 3, isCut: false, exact });

test('values that look the same are told apart by hash, others need none', () => {
  const composed = read("'\u00c5'", 'a'.repeat(32));
  const decomposed = read("'A\u030a'", 'b'.repeat(32));
  expect(shownOf(composed, decomposed)).toMatchObject({ hash: 'a'.repeat(16) });
  expect(shownOf(decomposed, composed)).toMatchObject({ hash: 'b'.repeat(16) });
  expect(shownOf(composed, read("'B'", 'c'.repeat(32)))).not.toHaveProperty('hash');
  expect(shownOf(undefined, composed)).toBeNull();
});
