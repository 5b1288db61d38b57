/**
 * The comparison inside a write stop: the sources are frozen, the log and the targets have all of
 * them, and the log of the targets has all of that. So both logs have an end, and the streaming
 * check must say of every table, in every partition, on every target, that they are equal there.
 *
 * The question is a record of the state topic, with an id of its own; a slot answers it by a
 * report that names the id, as soon as it has read so far. What was said before says nothing: a
 * member that has died, or of an older version, never names the id. No answer within the budget is
 * none.
 */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import type { Job } from '../../../shared/job/job.ts';
import {
  type Comparison,
  type CutoverRun,
  isGoneOver,
  type Way,
} from '../../../shared/job/state/cutover.ts';
import type { Standing } from '../../../shared/job/state/proof.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import type { StreamReport } from '../../../shared/job/state/stream-report.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { type Waiter, waitFor } from './drain.ts';
import { unequalText } from './stream-gate.ts';

/** The streaming check, as a cutover asks it. */
export interface StreamComparer {
  /** Partitions of each table; each has to answer. */
  slots: number;
  /** As they are proven now. */
  standings(): readonly Standing[];
  /** Durable, and under control's fence, when it resolves. */
  ask(comparison: Comparison): Promise<void>;
  /** By slot, what was said when all up to the ends of the question was compared, or later. */
  answers(id: string): ReadonlyMap<number, StreamReport>;
}

/** Whether both logs are compared in front of the journal: not any more where one is written. */
export function isCompared(
  { options }: Pick<Job, 'options'>,
  run: CutoverRun | null,
  way: Way,
): boolean {
  return options.streamingCheck && way === 'over' && !isGoneOver(run);
}

/** Resolves when all is equal at the ends; throws what is not, or what has not answered in time. */
export async function compared(
  d: Waiter & { limits: Pick<CutoverLimits, 'compareSeconds'> },
  comparer: StreamComparer,
  endsOf: () => Promise<Comparison['ends']>,
): Promise<void> {
  const seconds = d.limits.compareSeconds;
  const from = performance.now();
  const id = requestId('comparison');
  const asked = async (): Promise<void> => {
    const ends = await endsOf();
    await comparer.ask({ id, askedMs: Date.now(), ends });
  };
  await within(seconds * 1000, 'the question to the streaming check', asked());
  const lacks = async (): Promise<string | null> => lacking(comparer, comparer.answers(id));
  await waitFor(d, { step: 'compare', done: 'found equal', seconds, from }, lacks);
}

/** What is not known to be equal yet; null: nothing. Throws when something is known not to be. */
function lacking(
  { slots, standings }: StreamComparer,
  answers: ReadonlyMap<number, StreamReport>,
): string | null {
  const tables = standings();
  const silent: number[] = [];
  const missing: string[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const said = answers.get(slot);
    if (said === undefined) silent.push(slot);
    else missing.push(...tables.flatMap(t => unequal(t, slot, said)));
  }
  if (silent.length > 0) missing.unshift(`no checker has answered for ${partitions(silent)}`);
  const more = missing.length > SHOWN ? [`${missing.length - SHOWN} more`] : [];
  return missing.length === 0 ? null : [...missing.slice(0, SHOWN), ...more].join('; ');
}

const SHOWN = 5;

function partitions(slots: readonly number[]): string {
  return `partition${slots.length === 1 ? '' : 's'} ${slots.join(', ')}`;
}

function unequal({ table, proof }: Standing, slot: number, said: StreamReport): string[] {
  const state = said.tables.find(t => t.table === table)?.state ?? 'unknown';
  const why = unequalText(table, state, said, proof);
  if (why === null) return [];
  const text = `table ${table}, partition ${slot}: ${why}`;
  // A slot that was just taken over is to know in a moment; what waits may come.
  if (state === 'unknown' || state === 'waits') return [text];
  throw new ReshardError('target-data', `not equal at the end of both logs: ${text}`, {
    remedy: '`reshard status <job file>` names the keys when a check of every row has found them',
  });
}
