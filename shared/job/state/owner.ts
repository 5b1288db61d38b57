/**
 * Whose the topics of a source are: record `owner` of its progress topic. Control writes it when it
 * makes the job, under the transactional id that the source's ordered writers have too. So of two
 * jobs that begin at once under one source name only one becomes the owner, and an ordered writer
 * of an earlier job that wakes up late is fenced before the new owner's topics hold anything.
 */
import type { RecordCodec } from '../../codec/record-codec.ts';
import { ReshardError } from '../../runtime/error.ts';
import type { ProgressRecord, ProgressView } from './progress-view.ts';

/** Of whoever writes to the topics of a source: the prefix has one writer, whatever the job. */
export function sourceTransactionalId(source: string): string {
  return `reshard.source.${source}`;
}

export function encodeOwner(codec: RecordCodec<ProgressRecord>, jobId: string): Buffer {
  return codec.encode({ resume: null, range: null, owner: { sinceMs: Date.now() }, jobId });
}

/** A topic without an owner was deleted and made anew: what the job had in it is gone. */
export function refuseUnowned(view: ProgressView, topic: string, jobId: string): void {
  if (view.owner !== null) return;
  throw new ReshardError('foreign-job', `the topic ${topic} is not owned by the job`, {
    context: { job: jobId, topic },
    remedy:
      'it was deleted and made anew, and what the log holds is not known any more: ' +
      '`reshard drop <job file>`, then start again',
  });
}
