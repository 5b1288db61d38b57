/**
 * Carries a repair out: writes the requests of a round, waits until the ordered writers have them
 * in the log, and the targets have that. Rounds: see repair-plan.ts.
 */
import type { RepairRequest } from '../../../shared/job/state/job-view.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import type { JobLink } from '../command/job-handle.ts';
import type { RepairDraft } from '../command/repair-plan.ts';
import { ServerProbe } from '../status/server-probe.ts';
import { isOver, type Wait } from './check-run.ts';

const LOOK_MS = 50;

export interface Repaired {
  keys: number;
  /** Rows read again and appended to the log. */
  rows: number;
  /** Tombstones appended. */
  deleted: number;
  /** Keys of which the log had a newer event already. */
  newer: number;
  /** False when the time was up, or the user stopped it. */
  complete: boolean;
}

export async function runRepair(
  link: JobLink,
  rounds: readonly RepairDraft[][],
  wait: Wait,
): Promise<Repaired> {
  const total: Repaired = { keys: 0, rows: 0, deleted: 0, newer: 0, complete: true };
  for (const [i, drafts] of rounds.entries()) {
    const requests = await request(link, drafts);
    if (!wait.quiet) {
      const keys = drafts.reduce((n, d) => n + d.keys.length, 0);
      process.stderr.write(`repairing: round ${i + 1} of ${rounds.length}, ${keys} keys\n`);
    }
    for (const r of requests) {
      const done = await settled(link, r, wait);
      if (!done) return { ...total, complete: false };
      total.keys += r.keys.length;
      total.rows += done.rows;
      total.deleted += done.deleted;
      total.newer += done.dropped;
    }
    if (!(await applied(link, wait))) return { ...total, complete: false };
  }
  return total;
}

async function request(link: JobLink, drafts: readonly RepairDraft[]): Promise<RepairRequest[]> {
  const stamp = new Date().toISOString().replace(/[^0-9]/g, '');
  const requests = drafts.map((draft, i) => ({
    ...draft,
    id: `repair-${stamp}-${i}`,
    requestedMs: Date.now(),
  }));
  for (const repair of requests) await link.requests.repair(repair);
  return requests;
}

async function settled(link: JobLink, { id, source }: RepairRequest, wait: Wait) {
  while (!isOver(wait)) {
    const at = link.progress.get(source)?.repairs.get(id);
    if (at?.complete) return at;
    await sleep(LOOK_MS, wait.signal);
  }
  return null;
}

/** Waits until every target has applied what the table topics hold now. */
async function applied(link: JobLink, wait: Wait): Promise<boolean> {
  const { job, kafka, view, log } = link;
  const ends = new Map<string, number>();
  for (const { topic } of view.plans.values()) {
    for (const [partition, end] of (await kafka.highWatermarks(topic)).entries()) {
      ends.set(`${topic}/${partition}`, end);
    }
  }
  await using look = new ServerProbe(job, log, view.jobId);
  for (const { name } of job.targets) {
    for (;;) {
      const seen = await look.applied(name);
      if (seen && [...ends].every(([place, end]) => (seen.offsets.get(place) ?? 0) >= end)) break;
      if (isOver(wait)) return false;
      await sleep(LOOK_MS, wait.signal);
    }
  }
  return true;
}
