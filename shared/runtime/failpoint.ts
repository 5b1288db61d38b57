/**
 * Named crash points at every arrow of the pipeline. `RESHARD_FAILPOINT=<name>[:<nth>[:stop]]`
 * makes the process kill itself (SIGKILL, so nothing is flushed or cleaned up) when that place is
 * passed for the nth time; with `:stop` behind it the process stops there (SIGSTOP), to be woken up
 * late. Off, a failpoint costs one comparison. `npm run crash` kills at each.
 *
 * `RESHARD_FAILPOINT=@<file>`: the file has that text, or nothing, and is looked at at each place,
 * so that a process can be armed while it runs. What it has armed is taken out when it goes off:
 * whoever comes after the process passes the place.
 *
 * Kafka's acknowledgement: before it `log.before-produce` and `snapshot.before-publish`, after it
 * `log.after-produce` and `snapshot.after-publish`. Resume point, which is committed with its
 * records: `binlog.before-commit` and `binlog.after-commit`. Target: `sink.*-commit`.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export const FAILPOINTS = {
  snapshotBeforePublish: 'snapshot.before-publish',
  snapshotAfterPublish: 'snapshot.after-publish',
  snapshotMidChunk: 'snapshot.mid-chunk',
  binlogBeforeCommit: 'binlog.before-commit',
  binlogAfterCommit: 'binlog.after-commit',
  binlogMidChunk: 'binlog.mid-chunk',
  /** The predecessor is fenced, the resume point is not read yet. */
  binlogMidTakeover: 'binlog.mid-takeover',
  /** Partitions are in the Kafka transaction, no record is. */
  logBeforeProduce: 'log.before-produce',
  /** The broker has acknowledged the records and the resume point, the transaction is open. */
  logAfterProduce: 'log.after-produce',
  sinkBeforeCommit: 'sink.before-commit',
  sinkAfterCommit: 'sink.after-commit',
  sinkMidPark: 'sink.mid-park',
  /** A key is blocked, its dead letter is not in the topic. */
  sinkBeforeDeadLetter: 'sink.before-letter',
  /** The dead letter is in the topic and still waits in the target. */
  sinkAfterDeadLetter: 'sink.after-letter',
  sinkMidRebalance: 'sink.mid-rebalance',
  /** The job has its id, and owns no topic of its sources yet. */
  controlAfterIdentity: 'control.after-identity',
  /** The start position is durable, the plan is not complete. */
  controlMidPrepare: 'control.mid-prepare',
  /** A table is planned, others may not be. */
  controlAfterPlan: 'control.after-plan',
  /** Rows on the targets are gone, topics are there. */
  dropAfterRows: 'drop.after-rows',
  /** The table topics are gone, the owner of the sources is still told. */
  dropAfterTopics: 'drop.after-topics',
  controlBeforePhase: 'control.before-phase',
  controlAfterPhase: 'control.after-phase',
  /** The requests of a round of a repair are durable, none of them is known to be settled. */
  controlMidRepair: 'control.mid-repair',
  /** A round is applied on all targets and noted; the next one is not asked for. */
  controlAfterRepairRound: 'control.after-repair-round',
  /** All gates are open; nothing was written. Of a job with a way back, as `turn`. */
  cutoverBeforeMarker: 'cutover.before-marker',
  /** The record says that sources are being frozen; none is. */
  cutoverBeforeFreeze: 'cutover.before-freeze',
  /** Every source is frozen. */
  cutoverAfterFreeze: 'cutover.after-freeze',
  /** Frozen, step by step; what is known of each is asked while nothing is written. */
  cutoverBeforePositions: 'cutover.before-positions',
  cutoverBeforeDrain: 'cutover.before-drain',
  cutoverBeforePersist: 'cutover.before-persist',
  cutoverBeforeTargets: 'cutover.before-targets',
  cutoverBeforeTurn: 'cutover.before-turn',
  cutoverBeforeCompare: 'cutover.before-compare',
  cutoverBeforeIds: 'cutover.before-ids',
  cutoverBeforeFence: 'cutover.before-fence',
  /** Everything is drained and persisted; there is no journal. */
  cutoverBeforeJournal: 'cutover.before-journal',
  /** There is one; the open command was not run. */
  cutoverAfterJournal: 'cutover.after-journal',
  /** The open command has run, nobody knows. */
  cutoverAfterOpen: 'cutover.after-open',
  /** Sinks of the leg before are shut out; nobody carries rows the other way yet. */
  cutoverAfterShutOut: 'cutover.after-shut-out',
  /** The servers let our sink through, and it does not know. */
  cutoverBeforeLeg: 'cutover.before-leg',
  /** Of a handover: the log is to end, nothing of the target was touched. */
  handoverCutting: 'handover.cutting',
  /** The target will be a replica: there is no way back. */
  handoverHanding: 'handover.handing',
  /** Tables of ours are gone, its history is as it was. */
  handoverBeforeReset: 'handover.before-reset',
  /** It has the transactions of the source, and nobody tells it where that is. */
  handoverAfterReset: 'handover.after-reset',
  /** A row is on the source, and nobody knows whether it has come. */
  handoverProof: 'handover.proof',
  /** Rows that have moved are deleted, and that is not committed. */
  cleanupBeforeCommit: 'cleanup.before-commit',
  /** A batch of them is gone, the next one is not begun. */
  cleanupAfterBatch: 'cleanup.after-batch',
  /** All ranges are compared, nobody knows the verdict. */
  checkerBeforeVerdict: 'checker.before-verdict',
} as const;

export type Failpoint = (typeof FAILPOINTS)[keyof typeof FAILPOINTS];

/**
 * Mistakes that a test can have the product make, to see that its checks find them: armed by the
 * same variable, they happen each nth time, and the process lives on.
 */
export const MISTAKES = {
  /** A record is passed as if it said nothing. */
  sinkLosesRow: 'sink.loses-row',
  /** Of two targets, a row goes to the other one. */
  sinkMisplacesRow: 'sink.misplaces-row',
} as const;

export type Mistake = (typeof MISTAKES)[keyof typeof MISTAKES];

const spec = process.env.RESHARD_FAILPOINT ?? '';
const file = spec.startsWith('@') ? spec.slice(1) : null;
const [armed, nth, how] = spec.split(':');
let left = Number(nth ?? 1);

export function failpoint(name: Failpoint): void {
  if (file !== null) failpointOf(file, name);
  if (name !== armed) return;
  left -= 1;
  if (left === 0) die(how);
}

function failpointOf(path: string, name: Failpoint): void {
  const [wanted, times = '1', ending] = readFileSync(path, 'utf8').trim().split(':');
  if (name !== wanted) return;
  const next = Number(times) - 1;
  writeFileSync(path, next > 0 ? [name, next, ending ?? ''].join(':') : '');
  if (next === 0) die(ending);
}

function die(ending: string | undefined): void {
  process.kill(process.pid, ending === 'stop' ? 'SIGSTOP' : 'SIGKILL');
}

/** Whether the mistake is to be made now. */
export function isMistake(name: Mistake): boolean {
  if (name !== armed) return false;
  left -= 1;
  if (left > 0) return false;
  left = Number(nth ?? 1);
  return true;
}
