/** Shows the status again and again: redrawn in place on a terminal, plain lines elsewhere. */
import { stripVTControlCharacters } from 'node:util';
import type { Job } from '../../../shared/job/job.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { StatusFeed } from '../status/feed.ts';
import type { Status } from '../status/status.ts';
import { blank, unprepared } from '../status/unprepared.ts';
import { filledIn } from './output.ts';
import { renderLine, renderView } from './status-text.ts';

const VIEW_EVERY_MS = 1000;
const LINE_EVERY_MS = 5000;
/** While there is no log, each question makes connections of its own. */
const OPEN_EVERY_MS = 500;

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
  const screen = new Screen(o);
  // Kafka may take seconds to answer, and whoever looks at an empty screen thinks of a hang.
  if (screen.isTerminal) screen.note(blank(o.job, 'unknown', 'the answer of Kafka'));
  while (!o.signal.aborted) {
    const feed = await openFeed(o, screen);
    if (feed === null) return;
    await using _ = feed;
    await showFeed(feed, o, screen);
  }
}

/** Until the signal, or until the feed is broken. What was true before is not shown for true. */
async function showFeed(feed: StatusFeed, o: LiveOptions, screen: Screen): Promise<void> {
  while (!o.signal.aborted && !feed.isBroken) {
    try {
      const status = await feed.status();
      o.onStatus?.(status);
      screen.show(status);
    } catch (e) {
      screen.note(blank(o.job, 'unknown', describeError(e)));
    }
    await sleep(screen.everyMs, o.signal);
  }
}

async function openFeed(o: LiveOptions, screen: Screen): Promise<StatusFeed | null> {
  while (!o.signal.aborted) {
    try {
      const feed = await StatusFeed.open(o.job, o.log);
      if (feed !== null) return feed;
      const status = await unprepared(o.job, o.log);
      screen.note(status ?? blank(o.job, 'prepare', 'no control has begun with the job yet'));
    } catch (e) {
      screen.note(blank(o.job, 'unknown', describeError(e)));
    }
    await sleep(OPEN_EVERY_MS, o.signal);
  }
  return null;
}

class Screen {
  readonly everyMs: number;
  readonly #out: NodeJS.WriteStream;
  readonly #isJson: boolean;
  readonly isTerminal: boolean;
  #drawn = 0;
  #noted = '';

  constructor({ out, json }: LiveOptions) {
    this.#out = out;
    this.#isJson = json;
    this.isTerminal = out.isTTY === true && !json;
    this.everyMs = this.isTerminal || json ? VIEW_EVERY_MS : LINE_EVERY_MS;
  }

  /** A status that was read just now. */
  show(status: Status): void {
    this.#noted = '';
    this.#put(status);
  }

  /** What is said while there is none to read; on a file once, not again and again. */
  note(status: Status): void {
    const noted = `${status.phase} ${status.waiting}`;
    if (noted === this.#noted && !this.isTerminal) return;
    this.#noted = noted;
    this.#put(status);
  }

  #put(unfilled: Status): void {
    const status = filledIn(unfilled);
    const out = this.#out;
    if (this.#isJson) out.write(`${JSON.stringify(status)}\n`);
    else if (!this.isTerminal) out.write(`${new Date().toISOString()} ${renderLine(status)}\n`);
    else {
      const { columns: width = 80, rows = 24 } = out;
      const text = renderView(status, { colour: out.hasColors(), width });
      const { shown, height } = fitted(text, width, rows - 1);
      out.write(`${this.#drawn > 0 ? `\x1b[${this.#drawn}A\x1b[0J` : ''}${shown}\n`);
      this.#drawn = height;
    }
  }
}

/** What fits on the screen: the cursor cannot go back to lines that have scrolled away. */
export function fitted(
  text: string,
  width: number,
  heightMax: number,
): { shown: string; height: number } {
  const shown: string[] = [];
  let height = 0;
  for (const line of text.split('\n')) {
    const rows = Math.max(1, Math.ceil(stripVTControlCharacters(line).length / width));
    if (height + rows > heightMax) break;
    shown.push(line);
    height += rows;
  }
  return { shown: shown.join('\n'), height };
}
