/** A handover ends as undone or as finished, whatever dies when; and a target is reset once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Applied } from '../../../shared/job/state/answer.ts';
import type { CutoverRequest, CutoverRun } from '../../../shared/job/state/cutover.ts';
import { cutFor, type HandoverRun, mayGoOn } from '../../../shared/job/state/handover.ts';
import type { Resume } from '../../../shared/job/state/progress-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { shopFile } from '../../../test/support/shop-file.ts';
import { settingsHash } from '../cutover/cutovers.ts';
import { type Gate, open, shut } from '../cutover/gate.ts';
import { Handovers } from './handovers.ts';
import type { HandoverSite, ReplicaState } from './replica-site.ts';
import type { ServerFacts } from './server-facts.ts';

const SOURCE = '11111111-1111-1111-1111-111111111111';
const TARGET = '22222222-2222-2222-2222-222222222222';
const ID = 'cutover-1';
const JOB = shopFile({
  kind: 'copy',
  handover: { user: 'repl', password: 'secret', drainSeconds: 1, connectSeconds: 1 },
});

const NOTHING: Pick<ServerFacts, 'tables' | 'databases' | 'definitions'> = {
  ...{ tables: [], databases: [], definitions: new Map() },
};

/** Servers, log and state of a job, and a control that may die at any of its calls. */
class World {
  dieAfter = Number.POSITIVE_INFINITY;
  /** What it died at was done all the same. */
  isLastDone = false;
  isDead = false;
  /** Another control leads, and this one does not know it yet. */
  isFenced = false;
  committed = 10;
  /** Where the log has ended. */
  ended: string | null = null;
  target = { history: 'own' as 'own' | 'none' | string, own: ['reshard_offset'], ro: false };
  replica: ReplicaState['replica'] = null;
  resets: string[] = [];
  lacking: string | null = null;
  reaches = true;
  /** The account may have the log of the source. */
  isSent = true;
  /** Where the target was told to begin: a file, or where its own transactions end. */
  begins: (string | null)[] = [];
  /** The server that answers at the address of the source. */
  answers = SOURCE;
  /** Made at the source since the gates were asked. */
  newTables: string[] = [];
  /** Sinks that carry rows, and what of them did while their tables were dropped. */
  sinks: string[] = [];
  droppedBeside: string[] = [];
  gates: Gate[] = [open('all', '', '')];
  readonly view = {
    handoverRun: null as HandoverRun | null,
    cutoverRun: null as CutoverRun | null,
    cutovers: new Map<string, CutoverRequest>(),
    applied: new Map<string, Applied>(),
  };

  #call<T>(work: () => T): Promise<T> {
    this.dieAfter -= 1;
    if (this.isDead) return Promise.reject(new Error('dead'));
    if (this.dieAfter < 0) {
      this.isDead = true;
      if (this.isLastDone) work();
      return Promise.reject(new Error('dead'));
    }
    return Promise.resolve(work());
  }

  #set(what: Partial<World['target']>): void {
    Object.assign(this.target, what);
  }

  readonly site: HandoverSite = {
    facts: () =>
      this.#call(() => ({
        source: { ...NOTHING, uuid: SOURCE, tables: this.newTables } as ServerFacts,
        target: { ...NOTHING, uuid: TARGET } as ServerFacts,
      })),
    look: gtid =>
      this.#call(() => {
        const { history, own, ro } = this.target;
        const executed = history === 'own' ? `${TARGET}:1-5` : history === 'none' ? '' : history;
        const covers = gtid !== '' && this.resets.at(-1) === gtid && history !== 'none';
        return { uuid: TARGET, isReadOnly: ro, executed, covers, own, replica: this.replica };
      }),
    sourcePosition: () => this.#call(() => `${SOURCE}:1-${this.committed++}`),
    hasLogBehind: () => this.#call(() => true),
    setReadOnly: on => this.#call(() => this.#set({ ro: on })),
    dropOwn: () =>
      this.#call(() => {
        this.droppedBeside.push(...this.sinks);
        this.#set({ own: [] });
      }),
    resetTo: gtid =>
      this.#call(() => {
        this.resets.push(gtid);
        this.target.history = gtid;
      }),
    configure: file =>
      this.#call(() => {
        this.begins.push(file);
        const none = { sourceUuid: '', isSent: false };
        this.replica = { isOurs: true, io: 'No', sql: 'No', error: '', ...none };
      }),
    startReplica: which =>
      this.#call(() => {
        const io = this.reaches ? 'Yes' : 'Connecting';
        const met = {
          sourceUuid: this.reaches ? this.answers : '',
          isSent: this.reaches && this.isSent,
        };
        this.replica = { isOurs: true, io, sql: which === 'io' ? 'No' : 'Yes', error: '', ...met };
        if (which === 'all') this.target.history = `${SOURCE}:1-99`;
      }),
    forgetReplica: () =>
      this.#call(() => {
        this.replica = null;
      }),
    writeProof: () => this.#call(() => {}),
    seesProof: () => this.#call(() => this.replica?.sql === 'Yes'),
    dropProof: () => this.#call(() => {}),
  };

  request(id = ID): void {
    const asked = { id, requestedMs: Date.now(), by: 'ann', release: false };
    this.view.cutovers.set(id, { ...asked, action: 'handover', settings: settingsHash(JOB) });
  }

  /** The log does what the record says, as services/binlog does. */
  get #resume(): Pick<Resume, 'gtid' | 'partialGtid' | 'handover' | 'file'> {
    const { handoverRun: run } = this.view;
    const number = cutFor(run);
    if (number === null) this.ended = null;
    else this.ended ??= `${SOURCE}:1-${this.committed}`;
    const gtid = this.ended ?? `${SOURCE}:1-${this.committed}`;
    return { gtid, partialGtid: null, handover: number ?? 0, file: 'binlog.000007' };
  }

  control(): Handovers {
    this.isDead = false;
    return new Handovers({
      ...{ job: JOB, view: this.view, site: this.site },
      log: createLogger({ name: 'test', level: 'silent' }),
      progress: () => ({ resume: this.#resume }) as never,
      put: async (_, { handoverRun, applied }) => {
        if (this.isDead || this.isFenced) throw new ReshardError('fenced', 'another control leads');
        if (handoverRun) this.view.handoverRun = handoverRun;
        if (applied) this.view.applied.set(applied.id, applied);
      },
      note: () => {},
      gates: async () => this.gates,
      lacks: async () => this.lacking,
      doubts: async () => null,
      sinks: () => this.sinks,
      isStopped: () => false,
      sleep: async () => {},
    });
  }

  /** Until the operator has an answer; who dies is followed by another one. */
  async carryOut(): Promise<Applied | undefined> {
    for (let life = 0; life < 6 && !this.view.applied.has(ID); life++) {
      if (life > 0) this.dieAfter = Number.POSITIVE_INFINITY;
      await this.control()
        .step()
        .catch(() => {});
    }
    return this.view.applied.get(ID);
  }
}

function expectAsBefore({ target, replica, resets, view }: World): void {
  expect({ ...target, replica }).toEqual({
    ...{ history: 'own', own: ['reshard_offset'], ro: false, replica: null },
  });
  expect(resets).toEqual([]);
  expect(mayGoOn(view.handoverRun, view.handoverRun?.number ?? 0)).toBe(true);
}

test('wherever a control dies, the next one undoes it or finishes it, and resets once', async () => {
  const ends = { undone: 0, finished: 0 };
  await fc.assert(
    fc.asyncProperty(fc.nat(30), fc.boolean(), async (dieAfter, isLastDone) => {
      const world = new World();
      Object.assign(world, { dieAfter, isLastDone });
      world.request();
      const answer = await world.carryOut();
      expect(answer, 'the operator has an answer').toBeDefined();
      const run = world.view.handoverRun;
      if (run?.stage !== 'finished') {
        expect(answer?.error).toMatch(/undone|dead/);
        expectAsBefore(world);
        ends.undone += 1;
        return;
      }
      ends.finished += 1;
      expect(answer?.error).toBeNull();
      expect(world.resets).toEqual([run.gtid]);
      expect(world.target).toMatchObject({ own: [], ro: true });
      expect(world.replica).toMatchObject({ isOurs: true, io: 'Yes', sql: 'Yes' });
    }),
    { numRuns: 200 },
  );
  for (const n of Object.values(ends)) expect(n, JSON.stringify(ends)).toBeGreaterThan(0);
});

describe('before the point of no return', () => {
  test.each<[string, (w: World) => unknown, RegExp]>([
    [
      'a gate is shut',
      w => Object.assign(w, { gates: [shut('tables', 't1', 'more', 'drop')] }),
      /tables t1/,
    ],
    [
      'the target lacks rows',
      w => Object.assign(w, { lacking: '3 records behind' }),
      /undone.*3 records/,
    ],
    [
      'the source is not reached',
      w => Object.assign(w, { reaches: false }),
      /undone.*does not reach/,
    ],
    [
      'the source does not send its log',
      w => Object.assign(w, { isSent: false }),
      /undone.*does not reach/,
    ],
    [
      'another server answers at the address of the source',
      w => Object.assign(w, { answers: '33333333-3333-3333-3333-333333333333' }),
      /undone.*another server there: 3/,
    ],
    [
      'a table has come to the source since the gates were asked',
      w => Object.assign(w, { newTables: ['crm.leads'] }),
      /undone.*crm\.leads/s,
    ],
    [
      'the application has gone over by a cutover that went first',
      w => Object.assign(w.view, { cutoverRun: { stage: 'switched', way: 'over', leg: null } }),
      /refused/,
    ],
  ])('%s: all is as it was', async (_, spoil, says) => {
    const world = new World();
    spoil(world);
    world.request();
    const answer = await world.carryOut();
    expect(answer?.error).toMatch(says);
    expectAsBefore(world);
  });
});

test('the way is tried from the file that the log is at, and the replica begins at its own', async () => {
  const world = new World();
  world.request();
  await world.carryOut();
  expect(world.begins).toEqual(['binlog.000007', null]);
});

test('a sink that does not know yet is waited for before its tables are dropped', async () => {
  const world = new World();
  world.sinks = ['sink t1/0 of a'];
  world.request();
  await world.control().step();
  expect(world.view.handoverRun).toMatchObject({
    stage: 'handing',
    why: expect.stringMatching(/still at work: sink t1/),
  });
  expect(world.target.own).toEqual(['reshard_offset']);
  world.sinks = [];
  expect((await world.carryOut())?.error).toBeNull();
  expect(world.droppedBeside).toEqual([]);
});

test('a control that wakes up late leaves alone what another one has made', async () => {
  const world = new World();
  world.request();
  world.sinks = ['sink t1/0 of a'];
  await world.control().step();
  world.sinks = [];
  await world.site.startReplica('all');
  world.isFenced = true;
  await expect(world.control().step()).rejects.toMatchObject({ kind: 'fenced' });
  expect(world.replica).toMatchObject({ isOurs: true, sql: 'Yes' });
  expect(world.target).toMatchObject({ own: ['reshard_offset'], ro: true });
  expect(world.resets).toEqual([]);
});

test('a second request waits for what is under way, and is done with it', async () => {
  const world = new World();
  world.request();
  await world.carryOut();
  world.request('cutover-2');
  await world.control().step();
  expect(world.view.applied.get('cutover-2')?.error).toBeNull();
  expect(world.resets).toHaveLength(1);
});

describe('a log that has ended goes on', () => {
  test.each<[string, Pick<HandoverRun, 'number' | 'stage'> | null, number, boolean]>([
    ['when it has not ended', null, 0, true],
    ['not before its view knows of it', null, 1, false],
    ['not by what an older one came to', { number: 1, stage: 'undone' }, 2, false],
    ['when it is undone', { number: 2, stage: 'undone' }, 2, true],
    ['when a newer one has begun', { number: 3, stage: 'cutting' }, 2, true],
    ['never once the target is a replica', { number: 2, stage: 'finished' }, 2, false],
  ])('%s', (_, run, ended, may) => {
    expect(mayGoOn(run, ended)).toBe(may);
  });
});
