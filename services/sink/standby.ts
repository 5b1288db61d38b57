/**
 * A sink that stands by: no rows are carried its way, and from the next journal on they may be.
 * Until then it tries what it would have to do, from the machine that it would do it from and by
 * the same account, and reports `standby`: what goes wrong keeps a cutover from beginning.
 */
import type { ServiceContext } from '../../shared/member/context.ts';
import { STANDBY_UNIT } from '../../shared/member/reporter.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { describeError } from '../../shared/runtime/error.ts';
import { tryWriting } from './destination/mysql/trial.ts';

const EVERY_MS = 5000;
/** While something is wrong: who has mended it waits for that. */
const AGAIN_MS = 1000;

type Standing = Pick<ServiceContext, 'job' | 'view' | 'ruling' | 'report' | 'log'>;

/** Until the signal, or the end of the job. */
export async function standBy(c: Standing, signal: AbortSignal): Promise<void> {
  const unit = c.report.unit(STANDBY_UNIT, { shared: true });
  unit.set({ state: 'starting' });
  let known: string | null = null;
  while (!signal.aborted && c.ruling.cutoverRun?.stage !== 'finished') {
    const error = await wrong(c);
    if (error !== known && error !== null) c.log.warn(`could not carry rows: ${error}`);
    known = error;
    unit.set({ state: error === null ? 'running' : 'backing-off', error });
    unit.urge();
    await sleep(error === null ? EVERY_MS : AGAIN_MS, signal);
  }
  unit.end();
}

/** What keeps it from writing to one of its targets; null: nothing. */
async function wrong({ job, view }: Standing): Promise<string | null> {
  const tables = new Map([...view.plans.values()].map(p => [p.table, p.schema]));
  for (const target of job.targets) {
    try {
      await tryWriting(target, tables);
    } catch (e) {
      return `${target.name}: ${describeError(e)}`;
    }
  }
  return null;
}
