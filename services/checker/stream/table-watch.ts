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
  ...{ rested: {}, attempts: 0, tried: '', wantedMs: null, followed: '', refuted: '' },
};

/** What is known of one target: it does not wait for the log of another one. */
interface Side {
  /** What is to be compared next. */
  goal: Goal | null;
  equal: { ms: number; gtids: Record<string, string> };
}

export class TableWatch {
  readonly compare: TableCompare;
  /**
   * While columns have come to one server and not to another, or are gone from it, a row that
   * changes is not the same one in both logs. No check of every row says anything of that: there
   * is none that could compare what is not on all sources, and what the targets alone have still it
   * leaves out.
   */
  readonly #isAlike: boolean;
  readonly #view: JobView;
  readonly #sides: ReadonlyMap<string, Side>;
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
    this.#isAlike = isAlike(compare.o);
    this.#view = view;
    this.#checks = { ...saved, rested: { ...saved.rested } };
    const names = [...compare.ledgers.keys()];
    this.#sides = new Map(names.map(t => [t, { goal: null, equal: { ms: 0, gtids: {} } }]));
    // Also what a checker of a version before has rested on.
    if (!this.#isAlike) compare.forget(nowMs);
    this.#hear(nowMs);
  }

  #hear(nowMs: number): void {
    const ids = [...this.#view.verifies.keys()];
    this.#askedMs = new Map(ids.map(id => [id, this.#askedMs.get(id) ?? nowMs]));
  }

  /** Looks whether all that both sides had is compared by now. */
  look(newest: Goal | null, nowMs: number): void {
    this.#hear(nowMs);
    // Else a check of while nothing was counted would be rested on.
    const isCounting = this.compare.isCounting();
    for (const [target, side] of this.#sides) {
      side.goal ??= newest;
      if (side.goal === null) return;
      if (!this.#hasComparedOn(target, side.goal.ends)) continue;
      if (isCounting) this.#met(target, side, side.goal, nowMs);
      side.goal = newest;
    }
    this.#want(nowMs);
  }

  /**
   * It was known, and is not any more: rows have come that did not say what they were, or the table
   * has changed since its check, which none of before it will ever tell.
   */
  #isForgotten(proof: Proof): boolean {
    const unknown = [...this.compare.ledgers].filter(([, ledger]) => ledger.unknown > 0);
    // One that has not come to the check yet will rest on it.
    const hasRested = ([target]: (typeof unknown)[0]): boolean => {
      const rested = this.#checks.rested[target];
      return rested !== undefined && (rested === proof.check || proof.result !== 'equal');
    };
    return unknown.length > 0 && (unknown.some(hasRested) || isDoubtedSince(proof));
  }

  save(): SavedWatch {
    return { ...this.#checks };
  }

  said(): StreamedTable {
    const { table } = this.compare.o;
    const ledgers = [...this.compare.ledgers.values()];
    const doubts = ledgers.map(l => l.doubt);
    const worst = STREAM_STATES.find(word => word !== 'equal' && doubts.includes(word));
    const [oldest] = [...this.#sides.values()].sort((a, b) => a.equal.ms - b.equal.ms);
    const { ms: equalMs, gtids } = oldest?.equal ?? { ms: 0, gtids: {} };
    const isKnown = equalMs > 0 && !this.#isTakenBack(equalMs);
    return {
      table,
      state: worst ?? (isKnown ? 'equal' : 'unknown'),
      equalMs,
      gtids: equalMs > 0 ? gtids : {},
      base: ledgers[0]?.base ?? null,
      unknown: ledgers.reduce((n, l) => n + l.unknown, 0),
      wantedMs: this.#checks.wantedMs,
    };
  }

  /**
   * A check has found the table different, by what no log tells, or something has made it doubtful
   * since it was equal last: both logs agree all the same.
   */
  #isTakenBack(equalMs: number): boolean {
    const [standing] = standings(this.#view, [this.compare.o.table]);
    const { result = 'none', doubtMs = 0 } = standing?.proof ?? {};
    if (standing?.isProven !== false || result === 'none') return false;
    return result !== 'equal' || equalMs <= doubtMs;
  }

  /** Whether all that both sides have in front of these ends is in the sums. */
  hasCompared(ends: Goal['ends']): boolean {
    return [...this.#sides.keys()].every(target => this.#hasComparedOn(target, ends));
  }

  #hasComparedOn(target: string, ends: Goal['ends']): boolean {
    const { compare } = this;
    const { partition, sources, targets } = compare.o;
    const ledger = compare.ledgers.get(target);
    const topic = targets.get(target)?.topic;
    if (ledger === undefined || topic === undefined) return true;
    for (const [source, { topic: from }] of sources) {
      const end = ends.get(from)?.[partition] ?? Infinity;
      if ((compare.read.get(source) ?? 0) < end || !ledger.hasPassed(source, end)) return false;
    }
    const end = ends.get(topic)?.[partition] ?? Infinity;
    if (ledger.position >= end) return true;
    return (compare.targetRead.get(target) ?? 0) >= end && ledger.pending.steps === 0;
  }

  #met(target: string, side: Side, { places }: Goal, nowMs: number): void {
    const sources = [...this.compare.o.sources.keys()];
    const asOfMs = Math.min(...[...sources, target].map(name => places.get(name)?.tsMs ?? 0));
    this.#rest(target, asOfMs, nowMs);
    if (this.compare.ledgers.get(target)?.doubt !== null || this.#isTakenBack(asOfMs)) return;
    const gtids = sources.map(name => [name, places.get(name)?.gtid]);
    side.equal = { ms: asOfMs, gtids: Object.fromEntries(gtids) };
  }

  /** A check has compared it, and all that had happened by its end is in the sums of the target. */
  #rest(target: string, asOfMs: number, nowMs: number): void {
    const { table } = this.compare.o;
    const [standing] = standings(this.#view, [table]);
    const proof = standing?.proof;
    if (!this.#isAlike || !proof || !standing.isProven) return;
    if (asOfMs < proof.provenMs + CLOCK_MS) return;
    const { check } = proof;
    if (check === this.#checks.rested[target]) return;
    this.#checks.rested[target] = check;
    // No check begins before it is asked for, whatever its member's clock says.
    const startedMs = Math.min(proof.startedMs, this.#askedMs.get(check) ?? Infinity);
    this.compare.rest(target, check, startedMs - CLOCK_MS);
    // What the others will know of it is not known before they have come to it.
    const rested = [...this.compare.ledgers].filter(([t]) => this.#checks.rested[t] === check);
    const isKnown = rested.every(([, ledger]) => ledger.unknown === 0);
    if (isKnown) this.#checks.attempts = 0;
    this.#checks.wantedMs = isKnown ? null : nowMs + this.#patienceMs(proof);
  }

  /**
   * Where keys wait and come all the time a check tells little: it must not be asked for on end.
   */
  #patienceMs({ check, startedMs, provenMs, workedMs = 0 }: Proof): number {
    const { attempts, tried } = this.#checks;
    // Once for each check, whichever target has come to it.
    if (tried !== check) this.#checks.attempts = Math.min(attempts + 1, ATTEMPTS_MAX);
    this.#checks.tried = check;
    if (this.#checks.attempts === 1) return 0;
    const againMs = AGAIN_MS * 2 ** (this.#checks.attempts - 2);
    // One that was gone on with may have lain for hours.
    const tookMs = workedMs > 0 ? workedMs : provenMs - startedMs;
    return Math.max(againMs, CHECK_SHARE * tookMs);
  }

  /** Something is not known, or differs, though a check says that it has been equal. */
  #want(nowMs: number): void {
    const { table } = this.compare.o;
    const proof = this.#view.proofs.get(table);
    if (proof === undefined || proof.result === 'none' || !this.#isAlike) return;
    if (this.#isOutdated(proof)) {
      this.#checks.followed = proof.check;
      this.#checks.wantedMs = nowMs + this.#patienceMs(proof);
    }
    // What has failed it may have passed: a table that grew meanwhile, a server that was away.
    const hasFailed = proof.result === 'failed' && this.#checks.tried !== proof.check;
    if (hasFailed || this.#isSpent(proof)) {
      this.#checks.wantedMs = nowMs + this.#patienceMs(proof);
    }
    // What was undone again has taken the proof back all the same. A check that was wanted before
    // may be under way, and say nothing of it.
    const isTold = this.compare.doubts.some(d => d.base === proof.check);
    if (isTold && this.#checks.refuted !== proof.check) {
      this.#checks.refuted = proof.check;
      this.#checks.wantedMs = nowMs;
    }
    if (this.#checks.wantedMs !== null) return;
    const isForgotten = this.#isForgotten(proof);
    if (!isForgotten && !this.#isDiffering()) return;
    this.#checks.wantedMs = nowMs;
    if (isForgotten) this.#checks.tried = proof.check;
  }

  /**
   * The check that was wanted has found it equal and was doubted before anything could rest on it:
   * nothing will, and what was asked for has been done.
   */
  #isSpent(proof: Proof): boolean {
    const { wantedMs, tried, rested } = this.#checks;
    if (wantedMs === null || proof.result !== 'equal' || tried === proof.check) return false;
    const isUnknown = [...this.compare.ledgers].some(
      ([target, ledger]) => ledger.unknown > 0 && rested[target] !== proof.check,
    );
    return isUnknown && isDoubtedSince(proof);
  }

  /** Keys were named, and since then others have come to differ, or those do so no more. */
  #isOutdated({ result, check, startedMs }: Proof): boolean {
    const newest = this.compare.doubts.at(-1);
    if (newest === undefined || check === this.#checks.followed) return false;
    if (result === 'equal' || result === 'failed') return false;
    return !this.#isDiffering() || newest.atMs > startedMs - CLOCK_MS;
  }

  #isDiffering(): boolean {
    return [...this.compare.ledgers.values()].some(l => l.doubt === 'differs');
  }
}

/** Pure: whether both logs have the same columns, by the plans. */
function isAlike({ sources, targets }: TableCompare['o']): boolean {
  const shapes = [...sources.values(), ...targets.values()].map(({ columns }) =>
    columns
      .map(c => c.toLowerCase())
      .sort()
      .join('\n'),
  );
  return new Set(shapes).size <= 1;
}
