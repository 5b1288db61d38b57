/** A job with a way back as its cutovers meet it: a server on each side, controls that die. */
import { Cutovers, settingsHash } from '../../services/control/cutover/cutovers.ts';
import { open as openGate } from '../../services/control/cutover/gate.ts';
import type { CutoverSite, Fence } from '../../services/control/cutover/site.ts';
import type { Comparison, CutoverAction, CutoverRun, Way } from '../../shared/job/state/cutover.ts';
import { JobView, type StateRecord, stateKey } from '../../shared/job/state/job-view.ts';
import { unproven } from '../../shared/job/state/proof.ts';
import { NO_RECORD } from '../../shared/job/state/record-writer.ts';
import type { StreamedTable, StreamReport } from '../../shared/job/state/stream-report.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { Died } from './cutover-world.ts';
import { shopFile } from './shop-file.ts';

const SLOTS = 2;
const LIMITS = { drainSeconds: 1, lockTries: 1, compareSeconds: 1, markerSeconds: 1 };

const JOB = shopFile({
  options: { streamingCheck: true, partitions: SLOTS },
  cutover: { probe: { user: 'app' }, limits: LIMITS, back: {} },
});

const PROOF = { ...unproven('orders'), check: 'verify-1', startedMs: 1000 };

/** A slot that finds the table equal; `compared`: it has not heard the newest question. */
export function saidOf(o: Partial<StreamReport> & { state?: StreamedTable['state'] } = {}) {
  const { state = 'equal', ...rest } = o;
  const known = { equalMs: 1, gtids: {}, base: 'verify-1', unknown: 0, wantedMs: null };
  const tables = [{ table: 'orders', state, ...known }];
  return { tables, doubts: [], foreign: [], compared: null, ...rest };
}

interface Server {
  /** super_read_only, and read_only. */
  isFrozen: boolean;
  isHeld: boolean;
  /** Sinks of legs before this one are refused there. */
  leg: number;
  isAway: boolean;
}

export class WayBackWorld {
  readonly view = new JobView();
  readonly servers = new Map<string, Server>(
    ['s1', 't1'].map(name => [name, { isFrozen: false, isHeld: false, leg: 1, isAway: false }]),
  );
  readonly runs: CutoverRun[] = [];
  /** What the streaming check says when it is asked, by slot; those that are left out are dead. */
  says = new Map<number, StreamReport>([
    [0, saidOf()],
    [1, saidOf()],
  ]);
  /** What it is asked; null: not since the last journal. */
  asked: Comparison | null = null;
  /** What must never be, as it was seen. */
  readonly faults: string[] = [];
  /** What the log of the servers that are gone to lacks. */
  lacks: string | null = null;
  marks = 0;
  /** Deeds until the control is killed, or until a step fails. */
  dieAfter = Number.POSITIVE_INFINITY;
  failAt = Number.POSITIVE_INFINITY;
  deeds = 0;
  #control = 0;
  #asked = 0;

  request(action: CutoverAction, release = false): string {
    const id = `${action}-${this.#asked++}`;
    const asked = { requestedMs: Date.now(), by: 'ann', settings: settingsHash(JOB) };
    const cutover = { id, action, release, ...asked };
    this.view.apply(stateKey.cutover(id), { ...NO_RECORD, cutover });
    return id;
  }

  /** Controls, one after the other, until one has nothing more to do; answers what it said. */
  async carryOut(action: CutoverAction, release = false): Promise<string | null | undefined> {
    const id = this.request(action, release);
    for (let terms = 0; terms < 6; terms++) {
      try {
        const control = this.#made();
        for (let turn = 0; turn < 3; turn++) await control.step();
        return this.view.applied.get(id)?.error;
      } catch (e) {
        if (!(e instanceof Died) && !(e instanceof ReshardError)) throw e;
        this.dieAfter = Number.POSITIVE_INFINITY;
      }
    }
    throw new Error('no control comes to an end');
  }

  /** Servers on which the application can write. */
  get open(): string[] {
    return [...this.servers].filter(([, s]) => !s.isFrozen && !s.isHeld).map(([name]) => name);
  }

  #made(): Cutovers {
    this.#control += 1;
    const me = this.#control;
    const act = async <T>(work: () => T): Promise<T> => {
      if (me !== this.#control) throw new Died();
      this.deeds += 1;
      if (this.deeds > this.dieAfter) this.#control += 1;
      if (this.deeds === this.failAt) throw new ReshardError('unreachable', 'no answer');
      const result = work();
      if (me !== this.#control) throw new Died();
      return result;
    };
    return new Cutovers({
      job: JOB,
      view: this.view,
      log: createLogger({ name: 'test', level: 'silent' }),
      sites: { over: this.#site('s1', 't1', act), back: this.#site('t1', 's1', act) },
      // Whoever cannot write the state has lost it: that is not a step which fails.
      put: (key, record) =>
        act(() => this.#put(key, record)).catch(e => {
          if (e instanceof Died) throw e;
          this.#put(key, record);
        }),
      note: () => {},
      carriers: () => [],
      doubts: async () => null,
      comparer: {
        slots: SLOTS,
        standings: () => [{ table: 'orders', isProven: true, why: '', proof: PROOF }],
        ask: asked =>
          act(() => {
            this.asked = asked;
          }),
        answers: id =>
          new Map([...this.says].filter(([, s]) => (s.compared ?? this.asked?.id) === id)),
      },
      isStopped: () => false,
      sleep: async () => {},
    });
  }

  #put(key: string, record: Partial<StateRecord>): void {
    const { stage, leg } = record.cutoverRun ?? {};
    if (stage === 'opening' && leg?.number === 2) {
      if (this.asked === null) this.faults.push('a journal without a comparison');
      this.asked = null;
    }
    if (record.cutoverRun) this.runs.push(record.cutoverRun);
    this.view.apply(key, { ...NO_RECORD, ...record });
  }

  #at(name: string): Server {
    const found = this.servers.get(name);
    if (found === undefined) throw new Error(name);
    if (found.isAway) throw new ReshardError('unreachable', `${name} is away`);
    return found;
  }

  #site(
    left: string,
    entered: string,
    act: <T>(work: () => T) => Promise<T>,
  ): CutoverSite & { way?: Way } {
    const refused = { kind: 'refused', serverUuid: `${left}-uuid`, text: '1290' } as const;
    return {
      turn: {
        lacks: () => act(() => this.lacks),
        ends: () => act(() => ({ [`${entered}.shop.orders`]: [5] })),
      },
      ends: () => act(() => ({ [`${left}.shop.orders`]: [7] })),
      gates: () => act(() => [openGate('lag', entered, '')]),
      fence: source => act(() => this.#fence(source, act)),
      probe: source =>
        act(() => {
          const { isFrozen, isHeld } = this.#at(source);
          if (isFrozen || isHeld) return refused;
          return { kind: 'accepted', serverUuid: `${source}-uuid` } as const;
        }),
      lacks: () => act(() => null),
      marker: () => () => act(() => null),
      mark: () =>
        act(() => {
          this.marks += 1;
        }),
      targetPositions: () => act(() => ({ [entered]: `${entered}:1-5` })),
      idGates: () => act(() => []),
      shutOut: leg =>
        act(() => {
          this.#at(entered).leg = leg;
        }),
      open: () =>
        act(() => {
          if (this.#at(entered).isHeld || this.#at(entered).isFrozen) {
            this.faults.push(`the application is let onto ${entered}, which takes no writes`);
          }
          return { kind: 'done', text: '' } as const;
        }),
      rehearseOpen: () => act(() => ({ kind: 'none', text: '' })),
    };
  }

  #fence(source: string, act: <T>(work: () => T) => Promise<T>): Fence {
    const at = (): Server => this.#at(source);
    at();
    const other = source === 's1' ? 't1' : 's1';
    return {
      source,
      isSigned: false,
      byHand: 'by hand',
      look: () =>
        act(() => {
          const { isFrozen, isHeld } = at();
          const isReadOnly = isFrozen || isHeld;
          const serverUuid = `${source}-uuid`;
          return { serverUuid, isReadOnly, isFrozen, preparedXa: 0, persisted: {} };
        }),
      claim: () => act(() => true),
      freeze: () =>
        act(() => {
          at().isFrozen = true;
          return true;
        }),
      persist: () => act(() => {}),
      lift: () => act(() => void Object.assign(at(), { isFrozen: false, isHeld: false })),
      letSinkThrough: () =>
        act(() => {
          const leg = this.view.cutoverRun?.leg?.number ?? 0;
          if (this.#at(other).leg < leg) this.faults.push(`sinks of before write to ${other} yet`);
          Object.assign(at(), { isFrozen: false, isHeld: true });
        }),
      position: () => act(() => `${source}:1-9`),
      [Symbol.asyncDispose]: async () => {},
    };
  }
}
