import { expect, test } from 'vitest';
import { MemberSweep } from './member-sweep.ts';

const HOUR_MS = 3_600_000;

test('records of members that are silent for more than an hour are cleared, no others', () => {
  const sweep = new MemberSweep();
  sweep.note('snapshot/s1@a:1', { tsMs: 0 });
  sweep.note('snapshot/s1@b:2', { tsMs: HOUR_MS });
  sweep.note('sink/0/t1', { tsMs: 0 });
  sweep.note('checker/verify-1', { tsMs: 0 });
  expect(sweep.gone(HOUR_MS - 1)).toEqual([]);
  expect(sweep.gone(HOUR_MS + 1)).toEqual(['snapshot/s1@a:1']);
  sweep.note('snapshot/s1@a:1', null);
  expect(sweep.gone(HOUR_MS + 1)).toEqual([]);
});
