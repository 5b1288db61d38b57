/**
 * `reshard verify`: asks the running checker for a full check, follows it, prints the verdict and
 * the keys that differ. The check runs while data flows; a difference counts only if it survives.
 */

import { stopSignal } from '../../../shared/runtime/service.ts';
import { withValues } from '../command/difference-values.ts';
import { openJob, tablesOf, timeoutMsOf } from '../command/job-handle.ts';
import { type ScopeText, verify, wantedOf } from '../command/verify.ts';
import { checkExit, checkLines, follow, gaveUp, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print } from './output.ts';
import { pastFrom } from './page-past.ts';
import { openPage } from './verify-page.ts';
import { checkJson, renderCheck } from './verify-text.ts';

export async function verifyCommand(
  file: string,
  o: {
    json?: boolean;
    tables?: string;
    timeout: string;
    html?: string;
    values?: boolean;
  } & ScopeText,
): Promise<number> {
  const job = await readJob(file);
  const wait = waitOf(timeoutMsOf(o.timeout), stopSignal(), o.json === true);
  tablesOf(job, o.tables);
  await using link = await openJob(job, 'verify');
  // The job may have other tables than its file by now.
  const wanted = wantedOf(link, tablesOf(link.job, o.tables), o);
  const { tables } = wanted;
  const scope = tables.length > 0 ? { tables } : {};
  await using page = o.html === undefined ? null : await openPage(o.html);
  const verdict = await follow(link, verify(link, wanted), wait, checkLines(), scope);
  const report = verdict !== null && o.values ? await withValues(link, verdict) : verdict;
  await page?.write(link.job, report, pastFrom(link));
  if (report === null) {
    return gaveUp(
      wait,
      'no verdict yet; the check goes on, `reshard status <job file>` tells how far',
    );
  }
  print(o.json ? `${checkJson(report)}\n` : `${renderCheck(report)}\n`);
  return checkExit(report);
}
