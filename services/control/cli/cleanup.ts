/** `reshard cleanup`: asks control to delete rows at the place that they have moved away from. */
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { type CleanupPlace, cleanupPlaces } from '../command/cleanup.ts';
import { followCutover, requestCutover } from '../command/cutover.ts';
import { openJob, timeoutMsOf } from '../command/job-handle.ts';
import { cleanupRefusal } from '../cutover/cleanup.ts';
import { confirm } from './confirm.ts';
import { EXIT } from './exit-code.ts';
import { follow, gaveUp, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { count } from './number-text.ts';
import { print, printJson } from './output.ts';
import { textTable } from './text-table.ts';

export interface CleanupOptions {
  dryRun?: boolean;
  stale?: boolean;
  yes?: boolean;
  json?: boolean;
  timeout: string;
}

const GOES_ON =
  'control goes on with it; `reshard cleanup <job file> --dry-run` says how far it is';

export async function cleanupCommand(file: string, o: CleanupOptions): Promise<number> {
  const job = await readJob(file);
  const timeoutMs = timeoutMsOf(o.timeout);
  await using link = await openJob(job, 'cleanup');
  if (o.dryRun) return shown(await cleanupPlaces(job), null, o.json === true);
  const refused = cleanupRefusal(job, link.view);
  if (refused !== null) throw new ReshardError('config', `cleanup is refused: ${refused}`);
  const which = o.stale
    ? 'whatever became of them on their new owner'
    : 'those that are equal there';
  await confirm(job.job, `rows that moved are DELETED on the sources, ${which}`, o.yes === true);
  const wait = waitOf(timeoutMs, stopSignal(), o.json === true);
  const id = await requestCutover(link, o.stale ? 'cleanup-stale' : 'cleanup');
  const scope = { services: ['control'] };
  const outcome = await follow(link, followCutover(link, id), wait, () => 'deleting', scope);
  if (outcome === null) return gaveUp(wait, GOES_ON);
  return shown(await cleanupPlaces(job), outcome.answer.error, o.json === true);
}

/** Rows that were left are an end, and not the whole of it. */
function shown(places: readonly CleanupPlace[], error: string | null, json: boolean): number {
  if (json) printJson({ places, error });
  else print(`${error === null ? '' : `ended: ${error}\n`}${placesText(places)}\n`);
  return error === null ? EXIT.ok : EXIT.failed;
}

function placesText(places: readonly CleanupPlace[]): string {
  const right = (head: string) => ({ head, align: 'right' as const });
  const heads = [{ head: 'source' }, { head: 'table' }, { head: 'moved to' }];
  const columns = [...heads, right('still here'), right('deleted'), right('not equal there')];
  const rows = places.map(p => [
    ...[p.source, p.table, p.target],
    ...[p.left, p.deleted, p.kept].map(count),
  ]);
  return textTable(columns, rows, process.stdout.columns ?? 100).join('\n');
}
