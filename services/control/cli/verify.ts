/**
 * `reshard verify`: asks the running checker for a full check, follows it, prints the verdict and
 * the keys that differ. The check runs while data flows; a difference counts only if it survives.
 */
import { stopSignal } from '../../../shared/runtime/service.ts';
import { openJob, tablesOf, timeoutMsOf } from '../command/job-handle.ts';
import { checkExit, gaveUp, runCheck, waitOf } from './check-run.ts';
import { readJob } from './job-file.ts';
import { checkJson, renderCheck } from './verify-text.ts';

export async function verifyCommand(
  file: string,
  o: { json?: boolean; tables?: string; timeout: string },
): Promise<number> {
  const job = await readJob(file);
  const tables = tablesOf(job, o.tables);
  const wait = waitOf(timeoutMsOf(o.timeout), stopSignal(), o.json === true);
  await using link = await openJob(job, 'verify');
  const report = await runCheck(link, tables, wait);
  if (report === null) {
    return gaveUp(wait, 'no verdict yet; `reshard status` tells whether a checker runs');
  }
  process.stdout.write(o.json ? `${checkJson(report)}\n` : `${renderCheck(report)}\n`);
  return checkExit(report);
}
