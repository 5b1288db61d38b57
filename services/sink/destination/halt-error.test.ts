import { expect, test } from 'vitest';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { keptOut, unanswered } from './halt-error.ts';

test('who is kept out learns what a restart is needed for, and what not', () => {
  const denied = new ReshardError('denied', 'no login', {
    remedy: 'Check user and password in the job file.',
    context: { side: 'target' },
  });
  const told = keptOut(denied);
  expect(told).toMatchObject({ kind: 'denied', message: 'no login', context: { side: 'target' } });
  expect(told.remedy).toMatch(/in the job file; a changed .* when the sink service is restarted/);
  const away = new ReshardError('unreachable', 'no answer');
  expect(keptOut(away)).toBe(away);
});

test('a silent target is told with its name', () => {
  expect(unanswered('t1', 30_000)).toMatchObject({ kind: 'target', context: { target: 't1' } });
});
