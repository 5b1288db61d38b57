/**
 * The one rule that all rest on: may a row that a chunk SELECT has read still be appended to the
 * log? Two publishers on one topic are wrong in general: the SELECT sees an old version, publishes
 * it after a newer binlog event, and a plain overwriting consumer keeps it for ever.
 *
 * R: transactions certainly visible to the SELECT. F, the floor: every event published before the
 * memory began is of a transaction in F. The memory: key -> last published transaction since F.
 *   chunk  accepted if R covers F and the table still has the schema that the SELECT had.
 *   row    appended if its key has no published event outside R.
 * Proof. Appended: each published event of the key is in R, so the SELECT saw it; later events
 * follow in the log. Dropped: the newer event is in the log already. Events of one key commit in
 * order, so a SELECT that sees the last one has seen those before it.
 * Keys are bytes here, also where the server takes several spellings for one key ('a', 'A'). The row
 * of a spelling that the SELECT saw can only be followed by an event of that very spelling: it is
 * in the way of every other one until it is deleted. Asked by a class of spellings, which may hold
 * other keys too, a row without any event could be dropped, and nobody would bring it.
 * Bounded: two halves; when the young one is full, the old one is forgotten and F moves up to what
 * was published when the young one began: older chunks are then rejected, never wrongly accepted.
 */
import type { Gtid, GtidSet } from './gtid.ts';
import { TouchedKeys } from './touched-keys.ts';

export type Verdict = 'accept' | 'reject: read view older than the memory' | 'reject: schema';

/** Heap of one remembered transaction, about. */
const GTID_BYTES = 64;
/** Share of the memory for the keys; the rest is for the transactions. */
const KEYS_SHARE = 0.75;

/** Keys touched since `floor`, with the transactions that touched them last. */
interface Half {
  floor: GtidSet;
  keys: TouchedKeys;
  touchedBy: Gtid[];
}

export class ChunkMerge {
  readonly #fingerprint: string;
  readonly #halfBytes: number;
  readonly #published: () => GtidSet;
  #young: Half;
  #old: Half | null = null;
  #visible: GtidSet | null = null;

  /**
   * `published` gives a copy of the set of transactions that have any event in the log by now,
   * the one in the making included; it is the floor to begin with.
   */
  constructor(o: { fingerprint: string; limitBytes: number; published: () => GtidSet }) {
    this.#fingerprint = o.fingerprint;
    this.#halfBytes = o.limitBytes / 2;
    this.#published = o.published;
    this.#young = this.#newHalf();
  }

  #newHalf(): Half {
    return {
      floor: this.#published(),
      keys: new TouchedKeys(this.#halfBytes * KEYS_SHARE),
      touchedBy: [],
    };
  }

  get floor(): GtidSet {
    return (this.#old ?? this.#young).floor;
  }

  get bytes(): number {
    const of = (h: Half | null): number => (h ? h.keys.bytes + h.touchedBy.length * GTID_BYTES : 0);
    return of(this.#young) + of(this.#old);
  }

  /** An event of this key has been appended to the log. Pass the same object for a transaction. */
  note(key: Uint8Array, start: number, end: number, gtid: Gtid): void {
    const full = this.#young.touchedBy.length * GTID_BYTES > this.#halfBytes * (1 - KEYS_SHARE);
    if (!full && this.#young.keys.set(key, start, end, this.#indexOf(gtid))) return;
    this.#old = this.#young;
    this.#young = this.#newHalf();
    if (this.#young.keys.set(key, start, end, this.#indexOf(gtid))) return;
    // A key larger than the memory: nothing older than this moment may be accepted.
    this.#old = null;
    this.#young = this.#newHalf();
  }

  #indexOf(gtid: Gtid): number {
    const list = this.#young.touchedBy;
    if (list.at(-1) !== gtid) list.push(gtid);
    return list.length - 1;
  }

  /** Opens a chunk; `mayAppend` then speaks of it. */
  takeChunk(visible: GtidSet, fingerprint: string): Verdict {
    this.#visible = null;
    if (fingerprint !== this.#fingerprint) return 'reject: schema';
    if (!visible.covers(this.floor)) return 'reject: read view older than the memory';
    this.#visible = visible;
    return 'accept';
  }

  /** True when the row of this key, as the accepted chunk has read it, may follow in the log. */
  mayAppend(key: Uint8Array, start: number, end: number): boolean {
    const last = this.#last(this.#young, key, start, end) ?? this.#last(this.#old, key, start, end);
    return this.#visible !== null && (last === undefined || this.#visible.contains(last));
  }

  #last(half: Half | null, key: Uint8Array, start: number, end: number): Gtid | undefined {
    return half === null ? undefined : half.touchedBy[half.keys.get(key, start, end)];
  }
}
