/**
 * Waits until a target has applied what the log held at a moment: its offset rows reach the ends of
 * the table topics. A row that waits in the target (for its unique value, for another source) is on
 * its way too, for a while. A target that cannot be reached is asked again, within the wait's limit.
 */
import type { JobTarget } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import {
  type PositionOwner,
  readPositions,
  readWaitingSince,
} from '../../../shared/mysql/target-state.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { asReshardError, describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { PipelineWait } from './pipeline-wait.ts';

const POLL_MIN_MS = 10;
const POLL_MAX_MS = 200;
/** A target that cannot be asked. */
const RETRY_MS = 1000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** A row that is parked for longer is missing, not late. */
const PARKED_WAIT_MS = 5000;

/** `<topic>[<partition>]` -> next offset. */
export type Ends = ReadonlyMap<string, number>;

export interface TargetWaitOptions {
  owner: PositionOwner;
  target: JobTarget;
  ends: Ends;
  wait: PipelineWait;
  log: Logger;
}

export async function targetPassed(o: TargetWaitOptions): Promise<void> {
  const { target, wait, log } = o;
  for (;;) {
    wait.signal.throwIfAborted();
    try {
      await using session = await openTarget(target);
      await reached(session, o);
      await unparked(session, o);
      return;
    } catch (e) {
      const error = asReshardError(e);
      // What the wait itself throws ends it; only the server's failures are waited out.
      if (wait.isOver || !['unreachable', 'source', 'target'].includes(error.kind)) throw error;
      log.warn({ target: target.name }, `waits: ${describeError(error)}`);
      wait.stillFor(`target ${target.name}, which gives no answer (${error.message})`, 'away');
    }
    await sleep(RETRY_MS, wait.signal);
  }
}

export function openTarget(target: JobTarget): Promise<MysqlSession> {
  return MysqlSession.open(target, {
    role: 'read',
    side: 'target',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
}

async function reached(session: MysqlSession, o: TargetWaitOptions): Promise<void> {
  const { owner, target, ends, wait } = o;
  let pauseMs = POLL_MIN_MS;
  for (;;) {
    const positions = await readPositions(session, target.database, owner);
    const next = new Map(positions.map(p => [`${p.topic}[${p.partition}]`, p.next]));
    const behind = [...ends].filter(([partition, end]) => (next.get(partition) ?? 0) < end);
    const [first] = behind;
    if (first === undefined) return;
    const [partition, end] = first;
    const at = next.get(partition) ?? 0;
    const more = behind.length > 1 ? `, and ${behind.length - 1} more partitions` : '';
    wait.stillFor(
      `target ${target.name} to apply ${partition} up to offset ${end} (it is at ${at}${more})`,
      behind.map(([name]) => next.get(name) ?? 0).join(),
    );
    await sleep(pauseMs, wait.signal);
    pauseMs = Math.min(pauseMs * 1.5, POLL_MAX_MS);
  }
}

/**
 * Rows that began to wait a short while ago are on their way. Not so one that has waited for long,
 * nor one that came later than the log's ends: each probe of a key would wait for it in vain, and
 * where rows stand still on a unique value that a stale row holds, new ones follow all the time.
 */
async function unparked(session: MysqlSession, o: TargetWaitOptions): Promise<void> {
  const { owner, target, wait } = o;
  const until = performance.now() + PARKED_WAIT_MS;
  let upToMs = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const span = { afterMs: Date.now() - PARKED_WAIT_MS, upToMs };
    const left = await readWaitingSince(session, target.database, owner.job, span);
    if (left.keys === 0 || performance.now() > until) return;
    upToMs = left.newestMs;
    wait.stillFor(`${left.keys} rows that wait on target ${target.name}`, `waiting ${left.keys}`);
    await sleep(POLL_MAX_MS, wait.signal);
  }
}
