/** The use case handover: what would be done now, the request for it, and how far it is. */
import type { Applied } from '../../../shared/job/state/answer.ts';
import type { HandoverRun } from '../../../shared/job/state/handover.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { type Gate, shutGates } from '../cutover/gate.ts';
import { askHandover } from '../handover/ask-handover.ts';
import type { Warning } from '../handover/handover-gate.ts';
import { ReplicaSite } from '../handover/replica-site.ts';
import type { JobLink } from './job-handle.ts';

export interface HandoverPlan {
  gates: Gate[];
  canGo: boolean;
  /** They keep nothing shut. */
  warnings: Warning[];
  steps: { step: string; what: string }[];
}

/** Asks the status and both servers; changes nothing. */
export async function planHandover({ job, view, log }: JobLink): Promise<HandoverPlan> {
  const asked = await askHandover({ job, view, log, site: new ReplicaSite(job) });
  return { ...asked, canGo: shutGates(asked.gates).length === 0, steps: plannedSteps() };
}

function plannedSteps(): HandoverPlan['steps'] {
  return [
    { step: 'gates', what: 'control asks all gates anew; a shut one ends it, nothing is done' },
    { step: 'covered', what: 'the log passes what the source has committed by now' },
    { step: 'path', what: 'the target logs in at the source by the account, and reads its log' },
    {
      step: 'cut',
      what: 'the log ends between two transactions; the source goes on taking writes',
    },
    { step: 'drain', what: 'the target has all of the log; nothing parked or blocked' },
    { step: 'read-only', what: 'SET GLOBAL super_read_only = ON on the target; drained still' },
    { step: 'record', what: 'THE POINT OF NO RETURN: until here whatever fails is undone' },
    { step: 'own tables', what: 'tables reshard_* of the target are dropped; it stays read-only' },
    { step: 'reset', what: 'RESET BINARY LOGS AND GTIDS; gtid_purged = transactions of the log' },
    { step: 'replica', what: 'CHANGE REPLICATION SOURCE, SOURCE_AUTO_POSITION = 1; START REPLICA' },
    { step: 'proof', what: 'a row in reshard_handover of the source comes by replication' },
    { step: 'finished', what: 'the job is over' },
  ];
}

export interface HandoverProgress {
  run: HandoverRun | null;
  note: string | null;
}

export interface HandoverOutcome extends HandoverProgress {
  answer: Applied;
}

/** Follows a request to control's answer. */
export async function* followHandover(
  { view, reports }: Pick<JobLink, 'view' | 'reports'>,
  id: string,
): AsyncGenerator<HandoverProgress, HandoverOutcome> {
  for (;;) {
    const { cutover: note = null }: { cutover?: string | null } = JSON.parse(
      reports.get('control/job')?.detail ?? '{}',
    );
    const answer = view.applied.get(id);
    const run = view.handoverRun;
    if (answer?.doneMs || answer?.error) return { run, note: null, answer };
    yield { run, note };
    await sleep(POLL_MS);
  }
}

const POLL_MS = 50;
