/**
 * What the comparison of a table partition amounts to: whether it is equal, as of when, what it
 * rests on, and whether a check of every row is wanted.
 */
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { isDoubtedSince, type Proof, standings } from '../../../shared/job/state/proof.ts';
import { STREAM_STATES, type StreamedTable } from '../../../shared/job/state/stream-report.ts';
import type { Goal } from './stream-clock.ts';
import { CLOCK_MS, type SavedWatch, type TableCompare } from './table-compare.ts';

/**
 * Until a third check is wanted, where two have left something unknown; doubles up to 17 minutes.
 */
const AGAIN_MS = 2000;
const ATTEMPTS_MAX = 11;
/** Checks that are wanted so take a third of the time at most. */
const CHECK_SHARE = 2;

const NO_CHECK: SavedWatch = {
  ...{ rested: '', attempts: 0, wantedMs: null, followed: '', refuted: '' },
};

export class TableWatch {
  readonly compare: TableCompare;
  readonly #view: JobView;
  #goal: Goal | null = null;
  #equal: { ms: number; gtids: Record<string, string> } = { ms: 0, gtids: {} };
  /** Durable: a member that takes the slot over wants no check that was asked for already. */
  readonly #checks: SavedWatch;
  /** By check, when it was heard of first: by this clock, as the moments of the sums are. */
  #askedMs: ReadonlyMap<string, number> = new Map();

  constructor(
    compare: TableCompare,
    view: JobView,
    { nowMs = Date.now(), saved = NO_CHECK }: { nowMs?: number; saved?: SavedWatch } = {},
  ) {
    this.compare = compare;
    this.#view = view;
    this.#checks = { ...saved };
    this.#hear(nowMs);
  }

  #hear(nowMs: number): void {
    const ids = [...this.#view.verifies.keys()];
    this.#askedMs = new Map(ids.map(id => [id, this.#askedMs.get(id) ?? nowMs]));
  }

  /** Looks whether all that both sides had is compared by now. */
  look(newest: Goal | null, nowMs: number): void {
    this.#goal ??= newest;
    this.#hear(nowMs);
    // Else a check of while nothing was counted would be rested on.
    const isCounting = this.compare.isCounting();
    if (this.#goal === null) return;
    if (this.hasCompared(this.#goal.ends)) {
      if (isCounting) this.#met(this.#goal, nowMs);
      this.#goal = newest;
    }
    this.#want(nowMs);
  }

  /**
   * It was known, and is not any more: rows have come that did not say what they were, or the table
   * has changed since its check, which none of before it will ever tell.
   */
  #isForgotten(proof: Proof): boolean {
    const isKnown = [...this.compare.ledgers.values()].every(l => l.unknown === 0);
    return !isKnown && (this.#checks.rested !== '' || isDoubtedSince(proof));
  }

  /**
   * While columns have come to one server and not to another, no check can compare it; and where
   * the log of one has not come to them yet, another check would have to follow.
   */
  #isAlike(): boolean {
    const { sources, targets } = this.compare.o;
    const shapes = [...sources.values(), ...targets.values()].map(({ columns }) =>
      columns
        .map(c => c.toLowerCase())
        .sort()
        .join('\n'),
    );
    return new Set(shapes).size <= 1;
  }

  save(): SavedWatch {
    return { ...this.#checks };
  }

  said(): StreamedTable {
    const { table } = this.compare.o;
    const ledgers = [...this.compare.ledgers.values()];
    const doubts = ledgers.map(l => l.doubt);
    const worst = STREAM_STATES.find(word => word !== 'equal' && doubts.includes(word));
    const isKnown = this.#equal.ms > 0 && !this.#isTakenBack();
    return {
      table,
      state: worst ?? (isKnown ? 'equal' : 'unknown'),
      equalMs: this.#equal.ms,
      gtids: this.#equal.gtids,
      base: ledgers[0]?.base ?? null,
      unknown: ledgers.reduce((n, l) => n + l.unknown, 0),
      wantedMs: this.#checks.wantedMs,
    };
  }

  /**
   * Something else than the sums has made the table doubtful, or a check has found it different: by
   * what no log tells both logs agree all the same.
   */
  #isTakenBack(): boolean {
    const [standing] = standings(this.#view, [this.compare.o.table]);
    return standing?.isProven === false && standing.proof?.result !== 'none';
  }

  /** Whether all that both sides have in front of these ends is in the sums. */
  hasCompared(ends: Goal['ends']): boolean {
    const { compare } = this;
    const { partition, sources, targets } = compare.o;
    for (const [source, { topic }] of sources) {
      const end = ends.get(topic)?.[partition] ?? Infinity;
      if ((compare.read.get(source) ?? 0) < end) return false;
      for (const ledger of compare.ledgers.values()) {
        if (!ledger.hasPassed(source, end)) return false;
      }
    }
    return [...targets].every(([target, { topic }]) => {
      const end = ends.get(topic)?.[partition] ?? Infinity;
      const ledger = compare.ledgers.get(target);
      if (ledger === undefined || ledger.position >= end) return true;
      return (compare.targetRead.get(target) ?? 0) >= end && ledger.pending.steps === 0;
    });
  }

  #met({ places }: Goal, nowMs: number): void {
    const asOfMs = Math.min(...[...places.values()].map(p => p.tsMs));
    this.#rest(asOfMs, nowMs);
    const ledgers = [...this.compare.ledgers.values()];
    if (ledgers.some(l => l.doubt !== null) || this.#isTakenBack()) return;
    const gtids = [...this.compare.o.sources.keys()].map(name => [name, places.get(name)?.gtid]);
    this.#equal = { ms: asOfMs, gtids: Object.fromEntries(gtids) };
  }

  /** A check has compared it, and all that had happened by its end is in the sums. */
  #rest(asOfMs: number, nowMs: number): void {
    const { table } = this.compare.o;
    const [standing] = standings(this.#view, [table]);
    const proof = standing?.proof;
    if (!proof || !standing.isProven || asOfMs < proof.provenMs + CLOCK_MS) return;
    if (proof.check === this.#checks.rested) return;
    this.#checks.rested = proof.check;
    // No check begins before it is asked for, whatever its member's clock says.
    const startedMs = Math.min(proof.startedMs, this.#askedMs.get(proof.check) ?? Infinity);
    this.compare.rest(proof.check, startedMs - CLOCK_MS);
    const isKnown = [...this.compare.ledgers.values()].every(l => l.unknown === 0);
    if (isKnown) this.#checks.attempts = 0;
    this.#checks.wantedMs = isKnown
      ? null
      : nowMs + this.#patienceMs(proof.provenMs - proof.startedMs);
  }

  /**
   * Where keys wait and come all the time a check tells little: it must not be asked for on end.
   */
  #patienceMs(tookMs: number): number {
    this.#checks.attempts = Math.min(this.#checks.attempts + 1, ATTEMPTS_MAX);
    if (this.#checks.attempts === 1) return 0;
    return Math.max(AGAIN_MS * 2 ** (this.#checks.attempts - 2), CHECK_SHARE * tookMs);
  }

  /** Something is not known, or differs, though a check says that it has been equal. */
  #want(nowMs: number): void {
    const { table } = this.compare.o;
    const proof = this.#view.proofs.get(table);
    if (proof === undefined || proof.result === 'none' || !this.#isAlike()) return;
    if (this.#isOutdated(proof)) {
      this.#checks.followed = proof.check;
      this.#checks.wantedMs = nowMs + this.#patienceMs(proof.provenMs - proof.startedMs);
    }
    // What was undone again has taken the proof back all the same. A check that was wanted before
    // may be under way, and say nothing of it.
    const isTold = this.compare.doubts.some(d => d.base === proof.check);
    if (isTold && this.#checks.refuted !== proof.check) {
      this.#checks.refuted = proof.check;
      this.#checks.wantedMs = nowMs;
    }
    if (this.#checks.wantedMs !== null) return;
    if (this.#isDiffering() || this.#isForgotten(proof)) this.#checks.wantedMs = nowMs;
  }

  /** Keys were named, and since then others have come to differ, or those do so no more. */
  #isOutdated({ result, check, startedMs }: Proof): boolean {
    const newest = this.compare.doubts.at(-1);
    if (newest === undefined || check === this.#checks.followed) return false;
    // A check that has failed says why: that is somebody's to mend.
    if (result === 'equal' || result === 'failed') return false;
    return !this.#isDiffering() || newest.atMs > startedMs - CLOCK_MS;
  }

  #isDiffering(): boolean {
    return [...this.compare.ledgers.values()].some(l => l.doubt === 'differs');
  }
}
