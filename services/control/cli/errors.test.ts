/** The catalogue of errors: no kind without a text, and a page that says what the code does. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeError, ReshardError, remedyOf } from '../../../shared/runtime/error.ts';
import { CATALOGUE, KINDS } from '../../../shared/runtime/error-catalogue.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { errorsPage } from './errors.ts';

const PAGE = new URL('../../../docs/ERRORS.md', import.meta.url);

describe('error catalogue', () => {
  test('docs/ERRORS.md is what the code says (the page tells how to print it anew)', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(errorsPage());
  });

  test.each(KINDS)('an error of kind "%s" that waits for the operator says what to do', kind => {
    const bare = new ReshardError(kind, 'why');
    const isTold = describeError(bare).includes(`\n  remedy: ${CATALOGUE[kind].remedy}`);
    expect(isTold).toBe(policyOf(kind) !== 'restart');
    const wrapped = new ReshardError(kind, 'why', {
      cause: new ReshardError('target', 'inside', { remedy: 'turn the key' }),
    });
    expect(remedyOf(wrapped)).toBe('turn the key');
    expect(describeError(wrapped)).toMatch(/remedy: turn the key$/);
  });
});
