/** A job with two sources as a cutover meets it: servers and state, and controls that die. */
import avsc from 'avsc';
import { expect } from 'vitest';
import { Cutovers, settingsHash } from '../../services/control/cutover/cutovers.ts';
import { open as openGate, shut as shutGate } from '../../services/control/cutover/gate.ts';
import type { CutoverSite, Fence, OpenOutcome } from '../../services/control/cutover/site.ts';
import { staticSchema } from '../../shared/codec/record-codec.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import type {
  CutoverRequest,
  CutoverRun,
  FrozenBy,
  FrozenSource,
} from '../../shared/job/state/cutover.ts';
import { JobView, type StateRecord, stateKey } from '../../shared/job/state/job-view.ts';
import { NO_RECORD } from '../../shared/job/state/record-writer.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { createLogger } from '../../shared/runtime/log.ts';

const server = (name: string) => ({ name, user: 'u', database: 'shop' });
const JOB = parseJob(
  JSON.stringify({
    job: 'shop',
    kafka: { brokers: ['b:1'] },
    registry: { url: 'http://r' },
    sources: [server('s1'), server('s2')],
    targets: [server('t1')],
    tables: [{ name: 'orders' }],
    route: { kind: 'modulus', column: 'customer_id' },
    cutover: { probe: { user: 'app' }, limits: { drainSeconds: 1, lockTries: 2 } },
  }),
  {},
);
export const ID = 'cutover-1';

export class Died extends Error {}

const STATE = avsc.Type.forSchema(staticSchema('state') as avsc.Schema, {});

/** As whoever reads it has it: what the schema does not say is gone. */
function asStored(record: StateRecord): StateRecord {
  return STATE.fromBuffer(STATE.toBuffer({ ...record, jobId: 'shop#1' }));
}

interface Server {
  uuid: string;
  isFrozen: boolean;
  persisted: Record<string, string>;
  /** Tries to freeze that a statement of somebody holds up. */
  busy: number;
  isAway: boolean;
}

/** With a fence of accounts; the last one was locked by others, before. */
const ACCOUNTS = ['app@%', 'batch@%', 'old@%'];

/** The servers and the state of a job with two sources; they outlive every control. */
export class World {
  readonly view = new JobView();
  readonly servers = new Map<string, Server>(
    ['s1', 's2'].map(name => [
      name,
      { uuid: `${name}-uuid`, isFrozen: false, persisted: {}, busy: 0, isAway: false },
    ]),
  );
  /** By server, the accounts that are locked, of ACCOUNTS. */
  readonly locked = new Map(['s1', 's2'].map(name => [name, new Set(['old@%'])]));
  /** By what servers are fenced; null: by what needs no record. */
  fencedBy: FrozenBy['kind'] | null = null;
  /** A hook that does not say what it has done; it has done it, or not. */
  silentHook: 'done' | 'undone' | null = null;
  /** What a fence tells of itself before it is raised. */
  unclear: string | null = null;
  /** What hooks were called with. */
  readonly hooked: string[] = [];
  /** Every record of the run, as it was written. */
  readonly runs: CutoverRun[] = [];
  readonly events: string[] = [];
  opened = 0;
  /** How long the open command takes. */
  openTakesMs = 0;
  openFails = 0;
  rehearsedOpen: OpenOutcome = { kind: 'none', text: '' };
  shut = false;
  lowIds = false;
  /** The application's account gets no answer, once all is frozen. */
  hangs = false;
  /** What is frozen tells whose it is. */
  isSigned = false;
  /** A cutover of another job is about to freeze the servers. */
  isClaimed = false;
  /** XA transactions that are prepared between the gates and the freeze. */
  preparedXa = 0;
  /** What the application's account meets instead of the server that is frozen. */
  led: 'elsewhere' | 'through' | null = null;
  lacks: string | null = null;
  /** What is asked of the log has no answer: a broker has died. */
  isLogSilent = false;
  /** Tables that a check finds to differ inside the write stop. */
  doubt: string | null = null;
  /** Deeds until the control is killed; it has done the last one, or not. */
  dieAfter = Number.POSITIVE_INFINITY;
  isLastDone = true;
  /** Deeds after which somebody lifts the freeze of s1. */
  liftAfter = Number.POSITIVE_INFINITY;
  deeds = 0;
  journaledAt = 0;
  carriers: string[] = [];
  /** Deeds until the control is stopped, not killed: it goes on when it is woken. */
  stopAfter = Number.POSITIVE_INFINITY;
  readonly woken = Promise.withResolvers<void>();
  readonly stopped = Promise.withResolvers<void>();
  /** The journal is not acknowledged; it is durable, or not. */
  silentJournal: 'durable' | 'lost' | null = null;
  /** The control that lives: what an earlier one would do is not done. */
  #control = 0;
  /** By source, the fence that was opened last: its session has ended those before. */
  readonly #fences = new Map<string, Fence>();

  request(action: string, o: Partial<CutoverRequest> = {}): void {
    const id = o.id ?? `${action}-${this.view.cutovers.size}`;
    const made = { requestedMs: Date.now(), by: 'ann', settings: settingsHash(JOB) };
    const cutover = { id, action, release: false, ...made, ...o };
    this.view.apply(stateKey.cutover(id), { ...NO_RECORD, cutover });
  }

  control(): Cutovers {
    this.#control += 1;
    const me = this.#control;
    let wasStopped = false;
    const isGone = (): boolean => me !== this.#control && !wasStopped;
    const sleepHere = async (): Promise<void> => {
      wasStopped = true;
      this.stopped.resolve();
      await this.woken.promise;
    };
    const act = async <T>(work: () => T): Promise<T> => {
      if (isGone()) throw new Died();
      this.deeds += 1;
      if (this.deeds === this.liftAfter) this.#at('s1').isFrozen = false;
      if (this.deeds > this.dieAfter) this.#control += 1;
      if (isGone() && !this.isLastDone) throw new Died();
      const mustStop = this.deeds === this.stopAfter;
      if (mustStop && !this.isLastDone) await sleepHere();
      const result = work();
      if (mustStop && this.isLastDone) await sleepHere();
      if (isGone()) throw new Died();
      return result;
    };
    return new Cutovers({
      job: JOB,
      view: this.view,
      log: createLogger({ name: 'test', level: 'fatal' }),
      sites: { over: this.#site(act), back: null },
      put: (key, record) =>
        act(() => {
          if (me !== this.#control && wasStopped) throw new ReshardError('fenced', 'another one');
          this.#put(key, record);
        }),
      note: () => {},
      carriers: () => this.carriers,
      doubts: () => act(() => this.doubt),
      comparer: {
        slots: 1,
        standings: () => [],
        ask: async () => expect.unreachable('a job without a streaming check asks it'),
        answers: () => new Map(),
      },
      isStopped: () => false,
      sleep: async () => {},
    });
  }

  #put(key: string, record: Partial<StateRecord>): void {
    const run = record.cutoverRun;
    const isSilent = run?.stage === 'opening' && this.silentJournal !== null;
    if (isSilent && this.silentJournal === 'lost') throw new ReshardError('broker', 'no answer');
    if (run) {
      this.runs.push(run);
      this.events.push(run.stage);
      if (run.stage === 'opening') this.journaledAt = this.deeds;
      const isLifted = this.deeds >= this.liftAfter;
      if (run.stage === 'opening' && !isLifted) {
        expect(this.frozen).toEqual(expect.arrayContaining(['s1', 's2']));
      }
      if (run.stage === 'undone') expect(this.frozen).toEqual(run.thaws.map(t => t.source));
    }
    this.view.apply(key, asStored({ ...NO_RECORD, ...record }));
    if (isSilent) throw new ReshardError('broker', 'no answer');
  }

  #at(source: string): Server {
    const found = this.servers.get(source);
    if (found === undefined) throw new Error(source);
    if (found.isAway) throw new ReshardError('unreachable', `${source} is away`);
    return found;
  }

  #fence(
    source: string,
    by: <T>(work: () => T) => Promise<T>,
    frozen: FrozenSource | undefined,
  ): Fence {
    let record = frozen?.by ?? null;
    const act = <T>(work: () => T): Promise<T> =>
      by(() => {
        if (this.#fences.get(source) !== fence) throw new ReshardError('unreachable', 'ended');
        return work();
      });
    const fence: Fence = {
      source,
      isSigned: this.isSigned,
      byHand: 'by hand',
      look: () =>
        act(() => {
          const { uuid, isFrozen, persisted } = this.#at(source);
          const seen = { serverUuid: uuid, isReadOnly: isFrozen, isFrozen };
          record ??= this.#recordOf(source);
          return {
            ...seen,
            ...(record === null ? {} : { by: record }),
            ...(this.unclear === null ? {} : { why: this.unclear }),
            preparedXa: isFrozen ? this.preparedXa : 0,
            persisted: { ...persisted },
          };
        }),
      claim: () => act(() => !this.isClaimed),
      freeze: () =>
        act(() => {
          const at = this.#at(source);
          this.#expectRecorded(source, record);
          at.busy -= 1;
          at.isFrozen = at.busy < 0 && this.silentHook !== 'undone';
          if (record?.kind === 'hook') this.hooked.push(`freeze ${source}`);
          if (record?.kind === 'accounts') this.#lock(source, record.locked, true);
          return at.busy < 0;
        }),
      persist: () =>
        act(() => {
          this.#at(source).persisted.super_read_only = 'ON';
        }),
      lift: persisted =>
        act(() => {
          const at = this.#at(source);
          Object.assign(at, { isFrozen: false, persisted: { ...persisted } });
          if (record?.kind === 'hook') this.hooked.push(`thaw ${source}`);
          if (record?.kind === 'accounts') this.#lock(source, record.locked, false);
        }),
      letSinkThrough: () => act(() => {}),
      position: () => act(() => `${source}:1-9`),
      [Symbol.asyncDispose]: async () => {},
    };
    this.#fences.set(source, fence);
    return fence;
  }

  #recordOf(source: string): FrozenBy | null {
    if (this.fencedBy === 'hook') return { kind: 'hook', locked: [], spared: [], atMs: 0 };
    if (this.fencedBy === null) return null;
    const open = ACCOUNTS.filter(name => !this.locked.get(source)?.has(name));
    return { kind: 'accounts', locked: open, spared: ['u@%'], atMs: 0 };
  }

  #lock(source: string, names: readonly string[], isLocked: boolean): void {
    const locked = this.locked.get(source);
    for (const name of names) {
      if (isLocked) locked?.add(name);
      else locked?.delete(name);
    }
  }

  /** Whoever comes after a control that dies here has to know what to lift. */
  #expectRecorded(source: string, record: FrozenBy | null): void {
    const recorded = this.view.cutoverRun?.sources.find(s => s.source === source);
    expect(recorded?.by ?? null, 'what is frozen is recorded before').toEqual(record);
  }

  #site(act: <T>(work: () => T) => Promise<T>): CutoverSite {
    return {
      turn: null,
      shutOut: () => act(() => {}),
      ends: () => act(() => ({ 's1.shop.orders': [9] })),
      gates: () =>
        act(() => [this.shut ? shutGate('lag', 't1', 'far') : openGate('lag', 't1', '')]),
      fence: (source, frozen) =>
        act(() => {
          this.#at(source);
          return this.#fence(source, act, frozen);
        }),
      probe: async source => {
        if (this.hangs) await new Promise<never>(() => {});
        return await act(() => {
          const { isFrozen, uuid: serverUuid } = this.#at(source);
          const uuidSeen = this.led === 'elsewhere' ? 'other' : serverUuid;
          const refused = { kind: 'refused', serverUuid: uuidSeen, text: '1290' } as const;
          if (isFrozen && this.led !== 'through') return refused;
          return { kind: 'accepted', serverUuid } as const;
        });
      },
      lacks: async () => {
        if (this.isLogSilent) await new Promise<never>(() => {});
        return await act(() => this.lacks);
      },
      marker: () => () => act(() => this.lacks),
      mark: async () => expect.unreachable('a job without a way back tries it'),
      targetPositions: () => act(() => ({ t1: 't1:1-5' })),
      idGates: () => act(() => (this.lowIds ? [shutGate('ids', 't1', 'low')] : [])),
      open: async () => {
        await sleep(this.openTakesMs);
        return await act(() => {
          this.opened += 1;
          this.events.push('open');
          this.openFails -= 1;
          const kind = this.openFails < 0 ? ('done' as const) : ('failed' as const);
          return { kind, text: '' };
        });
      },
      rehearseOpen: () => act(() => this.rehearsedOpen),
    };
  }

  get frozen(): string[] {
    return [...this.servers].filter(([, s]) => s.isFrozen).map(([name]) => name);
  }

  answer(id: string): string | null | undefined {
    const applied = this.view.applied.get(id);
    return applied === undefined ? undefined : applied.error;
  }
}
