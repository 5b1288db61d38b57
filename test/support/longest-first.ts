/**
 * The order in which test files begin. Where files run side by side, one that takes minutes must
 * not be the last to begin: the rest of the machine would wait for it. How long each took is not
 * known on a fresh clone, so the long ones are named here.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those of about a minute and more, the longest first. */
const LONG = [
  'pipeline/added-columns.live',
  'pipeline/recopy.live',
  'pipeline/equal.live',
  'binlog/large-row.live',
  'availability/replica.live',
  'pipeline/ddl.live',
  'pipeline/changed-file.live',
  'keys/text-keys.live',
  'binlog/compaction.live',
  'availability/halt.live',
  'pipeline/history.live',
  'pipeline/repair-crash.live',
  'pipeline/remedy.live',
  'availability/strange-globals.live',
  'binlog/ordered-log.live',
  'crash/short.live',
  'pipeline/proof.live',
  'corpus/corpus.live',
  'pipeline/recopy-paths.live',
  'pipeline/repair-paths.live',
  'binlog/source-history.live',
  'binlog/source-faults.live',
  'pipeline/routes.live',
  'pipeline/repair.live',
  'pipeline/poison.live',
  'cli/install.live',
  'cli/cli.live',
  'sink/sink.live',
  'pipeline/two-jobs.live',
  'schemas/short.live',
  'binlog/copy-under-load.live',
  'kafka/history.kafka',
  'checker/takeover.live',
  'availability/failover.live',
  'mysql/unique.mysql',
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
