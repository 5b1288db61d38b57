/**
 * The log files of the services of a tree, and what a service has written for people, which is
 * shown when it ended the tree. Whatever becomes of a file, the pipe from the service is read on: a
 * pipe that nobody reads fills, and the service stands still in the middle of its work.
 */
import { closeSync, createWriteStream, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

/** As much of what a service wrote is kept, to show it when that ended the tree. */
const WORDS_MAX = 64 * 1024;
/** A process that has ended leaves no more than what is in its pipe. */
const REST_MS = 1000;

export function logFile(dir: string, service: string): string {
  return path.join(dir, `${service}.log`);
}

/** Makes the folder; a file in it that cannot be written is told before anything is started. */
export function makeLogFiles(dir: string, services: readonly string[]): void {
  try {
    mkdirSync(dir, { recursive: true });
    for (const service of services) closeSync(openSync(logFile(dir, service), 'a'));
  } catch (cause) {
    throw new ReshardError('config', `the logs of the services cannot be written in ${dir}`, {
      cause,
      remedy: '--logs <dir> names another folder; --quiet writes them to standard error',
    });
  }
}

export interface ServiceLog {
  /** What it has written for people, to its end; asked for when the service has ended. */
  words(): Promise<string>;
}

/** Appends all of `from` to the file; `onLost` hears why what follows is not kept. */
export function keepLog(from: Readable, file: string, onLost: (e: Error) => void): ServiceLog {
  let last = '';
  const to = createWriteStream(file, { flags: 'a' });
  to.on('error', e => {
    onLost(e);
    // A pipe without a file at its end is at rest.
    from.resume();
  });
  from.pipe(to);
  from.on('data', chunk => {
    last = `${last}${chunk}`.slice(-WORDS_MAX);
  });
  const ended = finished(from, { writable: false }).catch(() => {});
  return {
    async words() {
      const late = new AbortController();
      await Promise.race([ended, sleep(REST_MS, late.signal)]);
      late.abort();
      // Log lines are JSON there; what is left was meant to be read at once.
      return last
        .split('\n')
        .filter(line => !line.startsWith('{'))
        .join('\n')
        .trim();
    },
  };
}
