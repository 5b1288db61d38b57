/**
 * Whose a source's topics are: asked without changing anything, by the doctor and before a job is
 * made; and claimed for a new job.
 */
import { isRegistered } from '../../../shared/codec/record-codec.ts';
import { foreignJob } from '../../../shared/job/state/identity.ts';
import { openProgress, progressCodec } from '../../../shared/job/state/open.ts';
import { encodeOwner, sourceTransactionalId } from '../../../shared/job/state/owner.ts';
import { progressKey } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { progressTopic } from '../../../shared/kafka/topic-name.ts';
import { wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';

export interface OwnerDeps {
  kafka: KafkaLog;
  registry: SchemaRegistry;
}

/** Id of the owning job; empty if a version before ids wrote there; null if nobody has. */
export async function ownerOf(deps: OwnerDeps, source: string): Promise<string | null> {
  const { kafka, registry } = deps;
  const topic = progressTopic(source);
  if (!(await (await kafka.admin()).listTopics()).includes(topic)) return null;
  const ranges = await kafka.offsets(topic);
  if (ranges.every(r => r.latest === r.earliest)) return null;
  // Without our version of the schema, none of this version has written: an owner would have.
  if (!(await isRegistered(registry, 'progress', `${topic}-value`))) return '';
  await using progress = await openProgress(deps, source, null);
  const { writers } = progress.view;
  if (writers.size === 0) return null;
  return writers.get(progressKey.owner) ?? '';
}

/** Throws if the topics of a source are another job's than `ours`; an empty one owns nothing yet. */
export async function refuseOwned(
  deps: OwnerDeps,
  source: string,
  ours: { job: string; id: string },
): Promise<{ isOwned: boolean }> {
  const theirs = await ownerOf(deps, source);
  if (theirs === null) return { isOwned: false };
  if (theirs !== '' && theirs === ours.id) return { isOwned: true };
  throw foreignJob({
    what: `the topic ${progressTopic(source)} of the source ${source}`,
    ours: ours.id || `the job ${ours.job}`,
    theirs,
  });
}

/**
 * Makes the job the owner. The fence comes first: whoever else claims the source, or writes to it
 * from an earlier time, is out from then on, and what they have committed by then is seen.
 */
export async function claimSource(
  deps: OwnerDeps,
  source: string,
  ours: { job: string; id: string },
): Promise<void> {
  const { kafka, registry } = deps;
  const { isOwned } = await refuseOwned(deps, source, ours);
  if (isOwned) return;
  const transactionalId = sourceTransactionalId(source);
  const writer = await kafka.transactionalWriter({ transactionalId });
  try {
    if ((await refuseOwned(deps, source, ours)).isOwned) return;
    const key = Buffer.from(progressKey.owner);
    const value = encodeOwner(await progressCodec(registry, source), ours.id);
    const topic = progressTopic(source);
    writer.append(topic, 0, wholeRecord(key, value, Date.now()));
    await writer.commit();
  } finally {
    writer.close();
  }
}
