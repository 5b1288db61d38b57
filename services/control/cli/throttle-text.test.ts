/** What brakes the copy is told with its reason, its age and what lifts it. */
import { expect, test } from 'vitest';
import { JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import type { Throttle } from '../../../shared/job/state/throttle.ts';
import { shopFile } from '../../../test/support/shop-file.ts';
import { well } from '../../../test/support/status-facts.ts';
import { judged } from '../status/feed.ts';
import { throttleStatus } from '../status/throttle-status.ts';
import { renderLine, renderView } from './status-text.ts';
import { throttleText } from './throttle-text.ts';

const NOW = Date.now();

function viewOf(throttle: Partial<Throttle>, ...pauses: string[]): JobView {
  const view = new JobView();
  view.apply('job', {
    ...NO_RECORD,
    job: { phase: 'copying', sinceMs: NOW - 60_000, startedMs: 1, paused: [] },
  });
  const record = { limits: [], brakes: [], spentMs: {}, ...throttle };
  view.apply(stateKey.throttle, { ...NO_RECORD, throttle: record });
  for (const reason of pauses) {
    const pause = { reason, sinceMs: NOW - 5000, by: 'ann' };
    view.apply(stateKey.pause(reason), { ...NO_RECORD, pause });
  }
  return view;
}

function textOf(view: JobView, snapshotRowsPerSecond = 0): string {
  const job = shopFile({ options: { snapshotRowsPerSecond } });
  return throttleText(throttleStatus(view), view.pauseList, job).join('\n');
}

const ROWS = { name: 'rows', value: 5000, sinceMs: NOW - 9000, by: 'ann' };
const LAG = { name: 'max-lag', value: 1000, sinceMs: NOW - 9000, by: 'ann' };

test('every brake has its reason, since when, and what lifts it', () => {
  const brakes = [
    { reason: 'rate', sinceMs: NOW - 8000, why: '' },
    { reason: 'lag', sinceMs: NOW - 7000, why: 't1 was 1200 records behind' },
  ];
  const text = textOf(viewOf({ limits: [ROWS, LAG], brakes }, 'backup', 'operator', "ann's"));
  expect(text).toMatch(/limit: rows=5000: rows a second of the job, over all members \(by ann/);
  expect(text).toMatch(/copy stopped by operator: .*backup \(by ann\).*\(since 20.*Z, \d+ s\)/);
  expect(text).toContain('`reshard resume <job file> --reason backup`');
  expect(text).toContain('`reshard resume <job file>`');
  expect(text).toContain("`reshard resume <job file> --reason 'ann'\\''s'`");
  expect(text).toMatch(
    /copy slowed by rate: rows=5000 for all.*`reshard throttle <job file> --clear/,
  );
  expect(text).toMatch(/copy stopped by lag: t1 was 1200 records behind .* at most 750 records/);
  expect(text).toMatch(/braked so far: operator \d+ s, rate \d+ s, lag \d+ s$/);
});

test('without any, that is said; a pause before there is a copy is said too', () => {
  expect(textOf(viewOf({}))).toBe('no limit is set\nnothing is braked now');
  const view = viewOf({ spentMs: { operator: 61_000 } }, 'backup');
  view.apply('job', {
    ...NO_RECORD,
    job: { phase: 'following', sinceMs: 1, startedMs: 1, paused: [] },
  });
  expect(textOf(view, 200)).toBe(
    'limit: 200 rows a second of each source (by the job file)\n' +
      'nothing is braked now (there is nothing to copy; the next copy is paused: backup)\n' +
      'braked so far: operator 1 m 1 s',
  );
});

test('a status with a brake says so on top and in one line, and gives no time of arrival', () => {
  const table = { rangesDone: 0, complete: false, done: 5, total: 9, etaSeconds: null };
  const facts = { ...well(), phase: 'copying' };
  const tables = facts.tables.map(t => ({ ...t, ...table }));
  const at = (brakes: Throttle['brakes'], limits = [LAG]) =>
    judged({ ...facts, tables, throttle: throttleStatus(viewOf({ limits, brakes })) });
  const stopped = at([{ reason: 'lag', sinceMs: NOW - 7000, why: 't1 was 1200 records behind' }]);
  expect(stopped.headline).toMatchObject({ word: 'throttled', level: 'warning' });
  const view = renderView(stopped, { colour: false, width: 300 });
  expect(view).toContain('copy stopped by lag: t1 was 1200 records behind (since ');
  expect(view).toMatch(/orders .* held /);
  expect(renderLine(stopped)).toContain('copy stopped by lag: t1 was 1200 records behind');
  const slowed = at([{ reason: 'rate', sinceMs: NOW - 7000, why: '' }], [ROWS]);
  expect(slowed.headline).toMatchObject({
    word: 'copying',
    text: 'copying, slowed by a limit: 0 of 2 tables done',
  });
});
