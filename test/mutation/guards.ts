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
    file: 'services/sink/destination/mysql/offset.ts',
    find: 'if (affectedRows === advances.length) return;',
    replace: 'if (affectedRows >= 0) return;',
    tests: ['services/sink/destination/mysql/worker.mysql.test.ts'],
    named: 'lost its partition tasks',
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
    file: 'services/sink/destination/mysql/table-statement.ts',
    find: 'const guarded = target.hasUniques\n',
    replace: 'const guarded = target.hasUniques && target.database === ""\n',
    tests: ['services/sink/destination/mysql/unique.mysql.test.ts'],
  },
  {
    name: 'read committed',
    why: 'records of an aborted batch reach the targets',
    file: 'shared/kafka/reader.ts',
    find: "this.#options.isolation === 'committed' ? got.aborted : null",
    replace: "this.#options.isolation !== 'committed' ? got.aborted : null",
    tests: ['shared/kafka/topic.kafka.test.ts'],
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
    file: 'shared/kafka/wire/produce.ts',
    find: '    if (!ack) {\n',
    replace: '    if (!ack) continue;\n    if (ack.code < -1000) {\n',
    tests: ['shared/kafka/writer.test.ts'],
    named: 'lacks a partition',
  },
  {
    name: 'fencing token of a claim',
    why: 'an owner of before, with the right offset, goes on writing',
    file: 'services/sink/destination/mysql/offset.ts',
    find: 'ON DUPLICATE KEY UPDATE revision = revision + 1`,',
    replace: 'ON DUPLICATE KEY UPDATE revision = revision`,',
    tests: ['services/sink/destination/mysql/worker.mysql.test.ts'],
    named: 'not even with the right offset',
  },
  {
    name: 'resume point at another server',
    why: 'a replica that lacks published changes is read on from as if nothing were missing',
    file: 'services/binlog/capture/source-change.ts',
    find: "if (missing === '') return;",
    replace: 'if (missing.length >= 0) return;',
    tests: ['test/availability/failover.live.test.ts'],
    named: 'one that lacks published changes is refused',
  },
  {
    name: 'history that is gone',
    why: 'a topic that was trimmed past our offset is gone on with at its new beginning',
    file: 'shared/kafka/reader.ts',
    find: 'if (offset >= earliest && (offset <= latest || beyondMs < BEYOND_END_MS)) {',
    replace:
      'place.offset = Math.max(offset, earliest);\n' +
      '    if (offset < earliest || offset <= latest || beyondMs < BEYOND_END_MS) {',
    tests: ['shared/kafka/topic.kafka.test.ts'],
    named: 'never a jump',
  },
  {
    name: 'pause',
    why: 'what an operator has paused is copied on',
    file: 'shared/runtime/pause.ts',
    find: 'return this.#reasons.size > 0;',
    replace: 'return this.#reasons.size < 0;',
    tests: ['services/snapshot/snapshot.live.test.ts'],
    named: 'while there is a reason to pause',
  },
  {
    name: 'schema of a chunk (ordered writer)',
    why: 'rows that were read under another schema enter the log',
    file: 'shared/change/chunk-merge.ts',
    find: 'if (fingerprint !== this.#fingerprint) return',
    replace: "if (fingerprint === '') return",
    tests: ['shared/change/chunk-merge.test.ts', 'services/binlog/writer/chunk-intake.test.ts'],
    named: 'schema',
  },
  {
    name: 'schema of a chunk (reader)',
    why: 'rows are read by a plan that the table does not have any more',
    file: 'services/snapshot/chunk-reader.ts',
    find: 'if (now === this.fingerprint) return;',
    replace: "if (now !== '') return;",
    tests: ['services/snapshot/snapshot.live.test.ts'],
    named: 'altered under it',
  },
  {
    name: 'DDL stops',
    why: 'a change of a table is passed, and the targets are no longer alike',
    file: 'services/binlog/capture/capture.ts',
    find: "throw new ReshardError(\n          'schema-changed',",
    replace: "if (text === '') throw new ReshardError(\n          'schema-changed',",
    tests: ['test/binlog/refused-events.live.test.ts'],
    named: '(DDL|RENAME)$',
  },
  {
    name: 'lease by our own clock',
    why: 'a member that is cut off works on while another has its work already',
    file: 'shared/kafka/member.ts',
    find: 'if (this.#owned.length > 0 && now - this.#heardAt > limitMs) {',
    replace: 'if (this.#owned.length > 0 && now < this.#heardAt - limitMs) {',
    tests: ['shared/kafka/member.kafka.test.ts'],
    named: 'cut off',
  },
  {
    name: 'lease of control',
    why: 'a control that slept past its lease leads on beside its successor',
    file: 'services/control/phase/leadership.ts',
    find: "o.log.warn('lost the lease of control');\n      void end();",
    replace: "o.log.warn('lost the lease of control');",
    tests: ['test/availability/members.live.test.ts'],
    named: 'paused past its lease',
  },
  {
    name: 'lease of the checker',
    why: 'a checker that slept past its lease checks on beside its successor',
    file: 'services/checker/main.ts',
    find: 'onLost: end,',
    replace: 'onLost: () => undefined,',
    tests: ['test/availability/members.live.test.ts'],
    named: 'paused past its lease',
  },
  {
    name: 'a clone sets itself up',
    why: 'the first command of a new user ends in a stack trace',
    file: 'services/control/bin.mjs',
    find: "if (state === 'none') install(ROOT, node, tell);",
    replace: "if (state === 'none') tell('');",
    tests: ['services/control/cli/install.live.test.ts'],
    named: 'sets itself up',
  },
];
