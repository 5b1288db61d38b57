/**
 * Keys that differed at the first probe, until it is known whether they differ. Data is live, so a
 * key may differ only because a change of it is on its way.
 *
 * One round: read the keys on the sources; note all transactions that this may have seen; wait
 * until the targets have them; read the keys on the targets, then on the sources once more.
 * - The targets hold what one of the two source reads saw: the key is equal. It is right as of a
 *   moment after the check began.
 * - The source row was another one the second time: nothing is known; another round.
 * - The source row stood still, and the targets have something else although they have every change
 *   of it: suspect. It might still have changed and changed back between the reads, so one suspect
 *   round is no proof. Two in a row with the very same rows are, if no transaction at all was
 *   committed on the sources in the last one; else PROBES_UNDER_WRITES of them are taken for it.
 */
import type { GtidSet } from '../../../shared/change/gtid.ts';
import { keyText } from '../../../shared/mysql/key-literal.ts';
import type { KeyLiterals } from '../../../shared/row/key-range.ts';
import { Backoff } from '../../../shared/runtime/backoff.ts';
import { gtidUpperBound } from './gtid-upper-bound.ts';
import type { PositionWaiter } from './position-waiter.ts';
import { type KeyProbe, probeKeys, type TablePlaces } from './probe.ts';
import type { OpenRange } from './range-ledger.ts';
import type { SessionSet, SessionSetPool } from './session-set.ts';
import { isRight } from './verdict.ts';

const PROBES_ON_STILL_SOURCES = 2;
const PROBES_UNDER_WRITES = 5;
const ROUNDS_MAX = 40;
const KEYS_PER_ROUND = 5000;
const PAUSE = { minMs: 10, maxMs: 1000 };

interface Suspect {
  key: KeyLiterals;
  /** Where it was found; undefined for a range that nobody counts. */
  range: Pick<OpenRange, 'clear' | 'decide'> | undefined;
  rounds: number;
  /** Rounds in a row that were suspect with the same rows everywhere. */
  streak: number;
  signature: string;
}

export interface RecheckOptions {
  pool: SessionSetPool;
  places: TablePlaces;
  waiter: PositionWaiter;
  signal: AbortSignal;
  /** More keys than this wait for probes: ranges wait until there are fewer. */
  pendingMax: number;
  /** Answers whether it was listed: one that was not is open for whoever goes on from here. */
  onDifferent(probe: KeyProbe & { key: KeyLiterals }): boolean;
  onUnsettled(key: KeyLiterals): void;
}

export class Recheck {
  readonly #o: RecheckOptions;
  readonly #suspects = new Map<string, Suspect>();
  /** Keys that have been told of: one that comes again is not told of twice. */
  readonly #told = new Set<string>();
  #total = 0;
  #closed = false;
  #wake = Promise.withResolvers<void>();

  constructor(o: RecheckOptions) {
    this.#o = o;
  }

  get pending(): number {
    return this.#suspects.size;
  }

  /** Keys that came here so far. */
  get total(): number {
    return this.#total;
  }

  get isFull(): boolean {
    return this.#suspects.size > this.#o.pendingMax;
  }

  add(key: KeyLiterals, range?: Pick<OpenRange, 'doubt' | 'clear' | 'decide'>): void {
    const name = keyText(key);
    if (this.#suspects.has(name) || this.#told.has(name)) return;
    this.#suspects.set(name, { key, range, rounds: 0, streak: 0, signature: '' });
    range?.doubt(key);
    this.#total += 1;
    this.#wake.resolve();
  }

  /** No more keys come: `run` ends when those that are here are settled. */
  close(): void {
    this.#closed = true;
    this.#wake.resolve();
  }

  /** Gives up what is not settled. */
  abandon(): void {
    this.#suspects.clear();
    this.close();
  }

  async run(): Promise<void> {
    const backoff = new Backoff(PAUSE);
    while (!this.#o.signal.aborted) {
      if (this.#suspects.size === 0) {
        if (this.#closed) return;
        this.#wake = Promise.withResolvers();
        await this.#wake.promise;
        continue;
      }
      const before = this.#suspects.size;
      const batch = [...this.#suspects.values()].slice(0, KEYS_PER_ROUND);
      await this.#round(batch);
      // Keys that stay go to the end, so that every key gets its rounds.
      for (const suspect of batch) {
        if (this.#suspects.delete(keyText(suspect.key))) {
          this.#suspects.set(keyText(suspect.key), suspect);
        }
      }
      if (this.#suspects.size < before) backoff.reset();
      if (this.#suspects.size > 0) await backoff.wait(this.#o.signal);
    }
  }

  async #round(batch: readonly Suspect[]): Promise<void> {
    const { pool, places, waiter, signal } = this.#o;
    const keys = batch.map(s => s.key);
    const [first, seen] = await pool.use(async sessionSet => {
      const probes = await probeKeys(sessionSet, places, keys, 'sources');
      return [probes, await seenBy(sessionSet, places)] as const;
    });
    await waiter.passed(seen, signal);
    const [targets, second, seenLater] = await pool.use(async sessionSet => {
      const there = await probeKeys(sessionSet, places, keys, 'targets');
      const probes = await probeKeys(sessionSet, places, keys, 'sources');
      return [there, probes, await seenBy(sessionSet, places)] as const;
    });
    const isStill = [...seen].every(([name, set]) => seenLater.get(name)?.equals(set));
    for (const suspect of batch) {
      this.#judge(
        suspect,
        first.of(suspect.key).sources,
        targets.of(suspect.key).targets,
        second.of(suspect.key).sources,
        isStill,
      );
    }
  }

  #judge(
    suspect: Suspect,
    first: KeyProbe['sources'],
    found: KeyProbe['targets'],
    second: KeyProbe['sources'],
    isStill: boolean,
  ): void {
    const { places } = this.#o;
    if (!this.#suspects.has(keyText(suspect.key))) return;
    const all = places.targets.map((_, t) => t);
    if (isRight(first, found, all) || isRight(second, found, all)) {
      this.#suspects.delete(keyText(suspect.key));
      suspect.range?.clear(suspect.key);
      return;
    }
    suspect.rounds += 1;
    const before = JSON.stringify([first, found]);
    const isSame = JSON.stringify(first) === JSON.stringify(second);
    suspect.streak = !isSame ? 0 : suspect.signature === before ? suspect.streak + 1 : 1;
    suspect.signature = before;
    const needed = isStill ? PROBES_ON_STILL_SOURCES : PROBES_UNDER_WRITES;
    if (suspect.streak >= needed) {
      this.#end(suspect);
      if (this.#o.onDifferent({ key: suspect.key, sources: second, targets: found })) {
        suspect.range?.decide();
      }
    } else if (suspect.rounds >= ROUNDS_MAX) {
      this.#end(suspect);
      this.#o.onUnsettled(suspect.key);
      suspect.range?.decide();
    }
  }

  #end({ key }: Suspect): void {
    this.#suspects.delete(keyText(key));
    this.#told.add(keyText(key));
  }
}

/** By source: what the reads of this session set may have seen so far. */
async function seenBy(sessionSet: SessionSet, places: TablePlaces): Promise<Map<string, GtidSet>> {
  const sets = places.sources.map(async ({ server }) => {
    return [server.name, await gtidUpperBound(await sessionSet.session(server))] as const;
  });
  return new Map(await Promise.all(sets));
}
