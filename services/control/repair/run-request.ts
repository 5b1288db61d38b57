/** The requests of a run; their names follow from its record: `<run>-<pass>-<round>-<number>`. */
import type { RepairRequest } from '../../../shared/job/state/job-view.ts';
import type { RepairRun } from '../../../shared/job/state/repair-run.ts';
import type { RepairDraft } from './repair-plan.ts';

/** Of the request of that number in the round that the run is at. */
export function requestName(run: RepairRun, number: number | ''): string {
  return `${run.id}-${run.pass}-${run.round}-${number}`;
}

/** The run that a request is of, by its name. */
export function runOf(request: string): string {
  return request.replace(/-\d+-\d+-\d+$/, '');
}

export function requestsOf(run: RepairRun, drafts: readonly RepairDraft[]): RepairRequest[] {
  return drafts.map((draft, i) => ({
    ...draft,
    id: requestName(run, i),
    requestedMs: run.startedMs,
  }));
}
