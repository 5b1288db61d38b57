/** A sink that stands by says what would keep it from writing, until it writes or the job ends. */
import { expect, test } from 'vitest';
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import { JobView, stateKey } from '../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../shared/job/state/record-writer.ts';
import type { ReportedUnit, UnitReport } from '../../shared/member/reporter.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { standBy } from './standby.ts';

/** No server answers there. */
const AWAY = { name: 's1', host: '127.0.0.1', port: 1, user: 'u', password: '', database: 'd' };

function standing(ruling = new JobView()) {
  const said: UnitReport[] = [];
  let isEnded = false;
  const unit: ReportedUnit = {
    set: r => void said.push(r),
    state: () => {},
    urge: () => {},
    end: () => {
      isEnded = true;
    },
    forget: () => {},
  };
  const log = createLogger({ name: 'test', level: 'silent' });
  const job = { targets: [{ ...AWAY, kind: 'mysql' }] };
  const context = { job, view: new JobView(), ruling, report: { unit: () => unit }, log };
  return { context: context as never, said, isEnded: () => isEnded };
}

test('a server that it does not reach is named, as long as it stands by', async () => {
  const { context, said, isEnded } = standing();
  const stop = new AbortController();
  const running = standBy(context, stop.signal);
  await expect.poll(() => said.length).toBeGreaterThan(1);
  expect(said[0], 'nothing is shown before it has tried').toEqual({ state: 'starting' });
  expect(said[1]).toEqual({
    state: 'backing-off',
    error: expect.stringMatching(/^s1: unreachable: /),
  });
  stop.abort();
  await running;
  expect(isEnded()).toBe(true);
});

test('of a job that is finished nobody tries anything', async () => {
  const ruling = new JobView();
  const cutoverRun = { stage: 'finished' } as CutoverRun;
  ruling.apply(stateKey.cutoverRun, { ...NO_RECORD, cutoverRun });
  const { context, said } = standing(ruling);
  await standBy(context, new AbortController().signal);
  expect(said).toEqual([{ state: 'starting' }]);
});
