/**
 * The guards that keep data right, each with the edit that turns it off and the tests that must
 * then fail. `find` stands exactly once in the file: a guard that moves away fails the proof.
 */
export interface Guard {
  name: string;
  /** What goes wrong without it. */
  why: string;
  file: string;
  find: string;
  replace: string;
  /** Test files, and a part of the names of the tests in them. */
  tests: string[];
  named?: string;
}

export const GUARDS: Guard[] = [
  {
    name: 'merge rule',
    why: 'a snapshot row overwrites a newer event for ever',
    file: 'shared/change/chunk-merge.ts',
    find: 'return this.#visible !== null && (last === undefined || this.#visible.contains(last));',
    replace: 'return this.#visible !== null || last === undefined;',
    tests: ['shared/change/chunk-merge.test.ts'],
  },
  {
    name: 'floor of the memory',
    why: 'a chunk older than what is remembered is accepted',
    file: 'shared/change/chunk-merge.ts',
    find: 'if (!visible.covers(this.floor)) return',
    replace: 'if (visible.covers(this.floor) && !visible.covers(this.floor)) return',
    tests: ['shared/change/chunk-merge.test.ts'],
  },
  {
    name: 'compare-and-set of the offset',
    why: 'a member that lost its partition writes old values',
    file: 'services/sink/offset.ts',
    find: 'if (affectedRows === advances.length) return;',
    replace: 'if (affectedRows >= 0) return;',
    tests: ['services/sink/worker.mysql.test.ts'],
    named: 'lost its lanes',
  },
  {
    name: 'version skip',
    why: 'a redelivered suffix is applied again',
    file: 'services/sink/batch.ts',
    find: 'if (epoch < step.epoch || (epoch === step.epoch && ordinal <= step.ordinal)) {',
    replace: 'if (epoch < 0) {',
    tests: ['services/sink/fold.test.ts'],
  },
  {
    name: 'guard of the upsert (park)',
    why: 'an upsert rewrites the row of another key by a secondary unique key',
    file: 'services/sink/target/mysql.ts',
    find: 'const guarded = target.hasUniques\n',
    replace: 'const guarded = target.hasUniques && target.database === ""\n',
    tests: ['services/sink/unique.mysql.test.ts'],
  },
  {
    name: 'read committed',
    why: 'records of an aborted batch reach the targets',
    file: 'shared/topic/reader.ts',
    find: "this.#options.isolation === 'committed' ? got.aborted : null",
    replace: "this.#options.isolation !== 'committed' ? got.aborted : null",
    tests: ['shared/topic/topic.kafka.test.ts'],
    named: 'abort',
  },
  {
    name: 'fence of the writer (epoch)',
    why: 'a paused writer appends after its successor',
    file: 'services/binlog/binlog.ts',
    find: 'const transactionalId = `reshard.${job.job}.${this.#source.name}`;',
    replace: 'const transactionalId = `reshard.${job.job}.${this.#source.name}.${process.pid}`;',
    tests: ['test/binlog/ordered-log.live.test.ts'],
    named: 'paused owner',
  },
  {
    name: 'every acknowledgement is accounted for',
    why: 'records of a partition that the answer lacks are lost',
    file: 'shared/topic/produce.ts',
    find: '    if (!ack) {\n',
    replace: '    if (!ack) continue;\n    if (ack.code < -1000) {\n',
    tests: ['shared/topic/writer.test.ts'],
    named: 'lacks a partition',
  },
];
