/** The use case verify: asks the running checker for a full check and follows it to its verdict. */
import type { Proof } from '../../../shared/job/state/proof.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import type { JobLink } from './job-handle.ts';
import { operator } from './operator.ts';

const POLL_MS = 250;
/** Control notes a verdict at once; without a control the verdict is told all the same. */
const NOTED_WITHIN_MS = 3000;

export interface CheckStep {
  check: string;
  /** Null until a checker has taken the request. */
  report: Report | null;
}

/** `tables`: none means all. The check goes on when nobody follows it. */
export async function* verify(link: JobLink, tables: string[]): AsyncGenerator<CheckStep, Report> {
  const id = requestId('verify');
  await link.requests.verify({ id, requestedMs: Date.now(), tables, by: operator() });
  for (;;) {
    const report = checkReport(link, id);
    if (report?.state === 'finished' || report?.state === 'failed') {
      await noted(link, id, tables);
      return report;
    }
    yield { check: id, report };
    await sleep(POLL_MS);
  }
}

export function checkReport(link: Pick<JobLink, 'reports'>, id: string): Report | null {
  return link.reports.get(`checker/${id}`) ?? null;
}

/** So that a status that is asked for after the command knows of the verdict. */
async function noted({ job, view }: JobLink, id: string, tables: string[]): Promise<void> {
  const names = tables.length > 0 ? tables : job.tables.map(t => t.name);
  const end = performance.now() + NOTED_WITHIN_MS;
  while (performance.now() < end) {
    if (names.every(name => isNoted(view.proofs.get(name), id))) return;
    await sleep(POLL_MS / 5);
  }
}

/** A check that has failed may be the newest doubt only, while an older one says what differs. */
function isNoted(proof: Proof | undefined, id: string): boolean {
  return (proof?.check ?? '') >= id || proof?.doubt?.startsWith(id) === true;
}
