/**
 * `reshard trace`: of keys that a check has found different, at which step of its way each row was
 * lost: from the source into the log, or from the log to a target.
 */
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { openJob, timeoutMsOf } from '../command/job-handle.ts';
import { checkResult, keysOfText, meantChecks } from '../command/repair.ts';
import { TRACED_MAX, type TraceStep, type TraceWanted, trace } from '../command/trace.ts';
import { EXIT } from './exit-code.ts';
import { follow, gaveUp, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { count } from './number-text.ts';
import { print, printJson } from './output.ts';
import { traceText } from './trace-text.ts';

/** How long a look waits for what is on its way. */
const WAIT_MS = 5000;

export interface TraceCommandOptions {
  check?: string;
  keys?: string[];
  records: string;
  json?: boolean;
  timeout: string;
}

export async function traceCommand(file: string, o: TraceCommandOptions): Promise<number> {
  const job = await readJob(file);
  const wait = waitOf(timeoutMsOf(o.timeout), stopSignal(), o.json === true);
  const records = recordsOf(o.records);
  await using link = await openJob(job, 'trace');
  const keys: TraceWanted['keys'] = o.keys
    ? keysOfText(link, o.keys).keys
    : meantChecks(link, o.check).flatMap(r => checkResult(r).tables.flatMap(t => t.differences));
  const traced = await follow(
    link,
    trace(link, { keys, records, waitMs: WAIT_MS }),
    wait,
    stepText,
  );
  if (traced === null) return gaveUp(wait, 'nothing goes on without this command');
  const left = Math.max(0, keys.length - TRACED_MAX);
  if (o.json) printJson({ keys: traced, left, records });
  else print(`${traceText(traced, left, records)}\n`);
  return traced.every(k => k.arrow === 'none') ? EXIT.ok : EXIT.different;
}

function recordsOf(text: string): number {
  const records = Number(text);
  if (Number.isSafeInteger(records) && records > 0) return records;
  throw new ReshardError('config', `--records ${text} is no number of records`, {
    remedy: 'a whole number above 0',
  });
}

function stepText({ table, keys, look }: TraceStep): string {
  return `${table}: look ${look} at ${count(keys)} keys`;
}
