/** Gates that open by themselves are waited for; what waits for the operator is told at once. */
import { expect, test } from 'vitest';
import { type Gate, open, passing, shut } from '../cutover/gate.ts';
import { type CutoverPlan, waitForGates } from './cutover.ts';

const LAG = passing('lag', 't1', 'far', null);
const CHECK = passing('other work', '', 'verify-1', null);
const PHASE = shut('phase', '', 'following');
const OPEN = open('lag', 't1', 'near');

/** What is seen at one look after the other, the last one for good; how often it was looked. */
async function waited(
  looks: Gate[][],
  settleMs?: number,
): Promise<{ end: Gate[]; looked: number }> {
  let looked = 0;
  const plan = async (): Promise<CutoverPlan> => {
    const gates = looks[Math.min(looked++, looks.length - 1)] ?? [];
    return { gates, canGo: gates.every(g => g.state === 'open') } as CutoverPlan;
  };
  const steps = waitForGates(plan, settleMs);
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { end: value.gates, looked };
  }
}

test('what is open is not waited for', async () => {
  expect(await waited([[OPEN]])).toEqual({ end: [OPEN], looked: 1 });
});

test('lag is waited for, until the end', async () => {
  expect(await waited([[LAG, CHECK], [LAG], [OPEN]])).toEqual({ end: [OPEN], looked: 3 });
});

test('one that waits for the operator ends it at once, whatever else passes', async () => {
  expect(await waited([[LAG, PHASE], [OPEN]])).toMatchObject({ looked: 1 });
});

test('a check is over and its verdict is to come: looked at for a while, and no longer', async () => {
  expect(await waited([[CHECK], [PHASE], [OPEN]])).toEqual({ end: [OPEN], looked: 3 });
  const { end, looked } = await waited([[CHECK], [PHASE]], 700);
  expect(end).toEqual([PHASE]);
  expect(looked).toBeLessThan(5);
});
