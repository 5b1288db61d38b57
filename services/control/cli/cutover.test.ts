/** A cutover that waits for its gates is begun by nobody who has stopped the command by then. */
import { expect, test, vi } from 'vitest';
import { well } from '../../../test/support/status-facts.ts';
import type { CutoverPlan } from '../command/cutover.ts';
import { open, passing } from '../cutover/gate.ts';
import { judged } from '../status/feed.ts';
import { opened } from './cutover.ts';
import { EXIT } from './exit-code.ts';
import { waitOf } from './follow.ts';

const link = { failed: new Promise<never>(() => {}), status: async () => judged(well()) };

/** Lag at the first look, none at the second, which `atLast` is called in. */
function planOf(atLast: () => void): () => Promise<CutoverPlan> {
  let looks = 0;
  return async () => {
    looks += 1;
    if (looks > 1) atLast();
    const gates = [looks > 1 ? open('lag', 't1', 'near') : passing('lag', 't1', 'far', null)];
    return { gates, canGo: looks > 1, steps: [] } as unknown as CutoverPlan;
  };
}

test('Ctrl-C while the last gate is seen to open stops the cutover', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  try {
    const stop = new AbortController();
    const stopped = planOf(() => stop.abort());
    const wait = waitOf(60_000, stop.signal, false);
    expect(await opened(link, stopped, wait)).toBe(EXIT.stopped);
    expect(String(write.mock.lastCall?.[0])).toContain('nothing was asked for');
    const going = planOf(() => {});
    const other = waitOf(60_000, new AbortController().signal, false);
    expect(await opened(link, going, other)).toMatchObject({ canGo: true });
  } finally {
    write.mockRestore();
  }
});
