/**
 * The order in which test files begin. Where files run side by side, one that takes minutes must
 * not be the last to begin: the rest of the machine would wait for it. How long each took is not
 * known on a fresh clone, so the long ones are named here.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those of about 40 seconds and more on two cores, the longest first. */
const LONG = [
  'cutover/short-kill.live',
  'cutover/way-back.live',
  'soak/soak.live',
  'stream/stream.live',
  'pipeline/added-columns.live',
  'cutover/journey.live',
  'expand/expand.live',
  'detection/detection.live',
  'pipeline/dropped-columns.live',
  'stream/changes.live',
  'cutover/way-back-ddl.live',
  'keys/text-keys.live',
  'pipeline/equal.live',
  'random/random.live',
  'availability/replica.live',
  'pipeline/proof.live',
  'binlog/large-row.live',
  'pipeline/ddl.live',
  'pipeline/remedy.live',
  'binlog/source-faults.live',
  'cutover/cutover.live',
  'availability/paused.live',
  'kafka/history.kafka',
  'binlog/compaction.live',
  'corpus/corpus.live',
  'binlog/source-history.live',
  'sink/sink.live',
  'availability/throttle.live',
  'cli/cli.live',
  'binlog/ordered-log.live',
  'availability/halt.live',
  'pipeline/trace.live',
  'schemas/short.live',
  'pipeline/recopy-paths.live',
  'crash/short.live',
  'status/status.live',
  'pipeline/recopy.live',
  'pipeline/repair-crash.live',
  'pipeline/scheduled-check.live',
  'pipeline/repair-paths.live',
  'pipeline/changed-file.live',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const found = LONG.findIndex(name => moduleId.endsWith(`/${name}.test.ts`));
  return found < 0 ? LONG.length : found;
}
