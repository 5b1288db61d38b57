import { expect, test } from 'vitest';
import { type ErrorKind, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { errorFinding, isPassing } from './error-finding.ts';

const KINDS: ErrorKind[] = [
  'config',
  'unreachable',
  'denied',
  'server-setting',
  'source',
  'target',
  'broker',
  'registry',
  'schema-changed',
  'unsupported-type',
  'bug',
];

test.each(KINDS)('a server that cannot be examined for "%s" is waited for as a unit is', kind => {
  const finding = errorFinding(new ReshardError(kind, 'why'), 'source s1');
  expect(finding.level).toBe('blocker');
  expect(isPassing(finding)).toBe(policyOf(kind) === 'restart');
});

test('a setting is never waited for', () => {
  expect(isPassing({ ...errorFinding(new Error('x'), 's1'), code: 'binlog-format' })).toBe(false);
});
