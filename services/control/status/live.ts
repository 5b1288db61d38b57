/** Shows the status again and again: redrawn in place on a terminal, plain lines elsewhere. */

import type { Job } from '../../../shared/job/job.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { asReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { StatusFeed } from './feed.ts';
import { renderLine, renderView } from './render.ts';
import type { Status } from './status.ts';

const VIEW_EVERY_MS = 1000;
const LINE_EVERY_MS = 5000;

export interface LiveOptions {
  job: Job;
  log: Logger;
  signal: AbortSignal;
  json: boolean;
  out: NodeJS.WriteStream;
  onStatus?: (s: Status) => void;
}

/** Runs until the signal. A server that is away for a while does not end the view. */
export async function showLive(o: LiveOptions): Promise<void> {
  const feed = await openFeed(o);
  if (feed === null) return;
  await using _ = feed;
  const terminal = o.out.isTTY === true && !o.json;
  let drawn = 0;
  while (!o.signal.aborted) {
    const status = await feed.status().catch(e => {
      o.log.warn(`no status: ${asReshardError(e).message}`);
      return null;
    });
    if (status !== null) {
      o.onStatus?.(status);
      if (o.json) o.out.write(`${JSON.stringify(status)}\n`);
      else if (!terminal) o.out.write(`${new Date().toISOString()} ${renderLine(status)}\n`);
      else {
        const text = renderView(status, {
          colour: o.out.hasColors(),
          width: o.out.columns,
        });
        o.out.write(`${drawn > 0 ? `\x1b[${drawn}A\x1b[0J` : ''}${text}\n`);
        drawn = text.split('\n').length;
      }
    }
    await sleep(terminal || o.json ? VIEW_EVERY_MS : LINE_EVERY_MS, o.signal);
  }
}

async function openFeed(o: LiveOptions): Promise<StatusFeed | null> {
  while (!o.signal.aborted) {
    const feed = await StatusFeed.open(o.job, o.log).catch(e => {
      o.log.debug(`status not there yet: ${asReshardError(e).message}`);
      return null;
    });
    if (feed !== null) return feed;
    await sleep(500, o.signal);
  }
  return null;
}
