/** A command that waits says what it waits for, and why that does not come. */
import { expect, test, vi } from 'vitest';
import { until } from '../../../shared/runtime/clock.ts';
import { well } from '../../../test/support/status-facts.ts';
import type { CheckStep } from '../command/verify.ts';
import { judged } from '../status/feed.ts';
import type { Status } from '../status/status.ts';
import { checkLine, checkLines, follow, gaveUp, waitOf } from './follow.ts';

const never = new Promise<never>(() => {});

/** A check that no checker takes, until the signal. */
async function* asked(signal: AbortSignal): AsyncGenerator<CheckStep, string> {
  while (!signal.aborted) {
    yield { check: 'verify-1', report: null };
    await new Promise(resolve => setImmediate(resolve));
  }
  return 'ended';
}

function halted(): Status {
  const error = 'bug: it broke\n  remedy: report it';
  const unit = { service: 'checker', unit: 'full-check', member: 'm', state: 'halted', error };
  return judged({ ...well(), services: [{ ...unit, ageSeconds: 0 }] });
}

test('what is halted meanwhile stands on its line, and in the word with which it gives up', async () => {
  const said: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    said.push(String(text));
    return true;
  });
  try {
    const stop = new AbortController();
    const wait = { ...waitOf(60_000, stop.signal, false), lookMs: 0 };
    const link = { failed: never, status: async () => halted() };
    const following = follow(link, asked(stop.signal), wait, checkLine);
    const why = 'hindered by halted: checker/full-check: bug: it broke';
    await until(() => said.some(text => text.includes(why)), { timeoutMs: 5000, what: 'the line' });
    stop.abort();
    await following;
    gaveUp(wait, 'no verdict yet');
    expect(said[0]).toContain('waiting for a checker');
    expect(said.at(-1)).toContain(`no verdict yet; ${why}`);
  } finally {
    write.mockRestore();
  }
});

test('that another checker goes on is told once, with what was compared before', () => {
  const report = { service: 'checker', unit: 'verify-1', member: 'm', incarnation: '', tsMs: 0 };
  const resumed = { times: 1, atMs: 5, kept: [{ table: 'a', rows: 9, upTo: null }], anew: [] };
  const at = (detail: object): CheckStep => ({
    check: 'verify-1',
    report: {
      ...{ ...report, state: 'checking', error: null, counters: { rows: 9 } },
      detail: JSON.stringify(detail),
    },
  });
  const draw = checkLines();
  const line = 'checking: 9 rows, 0 differences';
  expect(draw(at({}))).toBe(line);
  expect(draw(at({ resumed }))).toBe(
    `another checker goes on; compared before: a as a whole (9 rows)\n${line}`,
  );
  expect(draw(at({ resumed }))).toBe(line);
});
