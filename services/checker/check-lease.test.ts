/** What a checker does with its lease; that another one goes on then is paused.live.test.ts. */
import { expect, test } from 'vitest';
import { CheckLease } from './check-lease.ts';

test.each(['lost', 'taken away'] as const)('the check ends when the lease is %s', async how => {
  const told: string[] = [];
  const unit = {
    state: () => told.push('state'),
    end: () => told.push('end'),
    forget: () => told.push('forget'),
  };
  const lease = new CheckLease(() => unit);
  await lease.assigned([]);
  expect(lease.held).toBeNull();
  await lease.assigned([0]);
  const { held } = lease;
  if (how === 'lost') lease.lost();
  else await lease.revoked([0]);
  expect(held?.stop.signal.aborted).toBe(true);
  expect(lease.held).toBeNull();
  expect(told).toEqual([how === 'lost' ? 'forget' : 'end']);
  await lease.assigned([0]);
  expect(lease.held?.stop.signal.aborted).toBe(false);
});
