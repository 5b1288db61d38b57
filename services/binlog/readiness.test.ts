/** A member says that it is at work when all of it is. */
import { expect, test } from 'vitest';
import { readinessOf } from './readiness.ts';

test('a member is ready when it reads all of its sources, and the targets are read', () => {
  const all = [['s1', 'running'] as const];
  expect(readinessOf(all, null)).toEqual({ ok: true, detail: { s1: 'running' } });
  expect(readinessOf([...all, ['s2', 'halted']], null).ok).toBe(false);
  const away = 'ended with code 1, starts again';
  const detail = { s1: 'running', 'way back': away };
  expect(readinessOf(all, away)).toEqual({ ok: false, detail });
});
