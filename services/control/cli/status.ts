/** `reshard status`: once, or followed. */
import type { Job } from '../../../shared/job/job.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { createLogger, type Logger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { notPrepared } from '../command/job-handle.ts';
import { StatusFeed } from '../status/feed.ts';
import { type Standing, standingOf } from '../status/headline.ts';
import type { Status } from '../status/status.ts';
import { unprepared } from '../status/unprepared.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { showLive } from './live-view.ts';
import { filledIn, print, printJson } from './output.ts';
import { renderView } from './status-text.ts';

const EXIT_OF: Record<Standing, number> = {
  well: EXIT.ok,
  waiting: EXIT.waiting,
  wrong: EXIT.failed,
};

/** A unit reports every second. */
const HEARD_WITHIN_MS = 2500;
/** A pipe has no width: whoever reads it may want every column. */
const UNBOUNDED = 1000;

export async function statusCommand(
  file: string,
  o: { json?: boolean; watch?: boolean },
): Promise<number> {
  const job = await readJob(file);
  const log = createLogger({ name: 'reshard-status', level: 'warn' });
  const { stdout } = process;
  if (o.watch) {
    await showLive({ job, log, signal: stopSignal(), json: o.json === true, out: stdout });
    return EXIT.ok;
  }
  const status = await oneStatus(job, log);
  const colour = stdout.isTTY === true && stdout.hasColors();
  if (o.json) printJson(status, 2);
  else {
    const shown = filledIn(status);
    print(`${renderView(shown, { colour, width: stdout.columns ?? UNBOUNDED })}\n`);
  }
  return EXIT_OF[standingOf(status.headline)];
}

async function oneStatus(job: Job, log: Logger): Promise<Status> {
  const feed = await StatusFeed.open(job, log);
  if (feed !== null) {
    await using _ = feed;
    const status = await feed.status();
    if (status.headline.word !== 'silent') return status;
    // By the clocks of two machines. Who lives is heard within a second or two, and by ours.
    await sleep(HEARD_WITHIN_MS);
    return await feed.status();
  }
  const status = await unprepared(job, log);
  if (status !== null) return status;
  throw notPrepared(job);
}
