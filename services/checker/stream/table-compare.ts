/**
 * One partition of one table: what its sources' topics and the targets' topics say of it, brought
 * to the ledgers of its targets. Pure but for the schemas: it is given batches, and says what it
 * has found.
 */
import { type Mark, markAt, ORIGIN_HEADER } from '../../../shared/codec/mark.ts';
import type { ForeignWrite, StreamDoubt } from '../../../shared/job/state/stream-report.ts';
import type { OffsetSpan } from '../../../shared/kafka/read-spans.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import { isTargetOf, NO_TARGET, type Route } from '../../../shared/route/route.ts';
import { ChangeQueue } from './change-queue.ts';
import type { LogWindow } from './drill-down.ts';
import { Ledger, type SavedLedger } from './ledger.ts';
import { SeenSchemas } from './seen-schemas.ts';
import {
  BUCKETS,
  type RecordReaders,
  type TopicChange,
  type TopicChanges,
} from './topic-changes.ts';

/** What is kept to be shown of each table partition; all are counted. */
const SHOWN_MAX = 20;
/** The newest ones: those of one table must not hide those of another. */
const FOREIGN_MAX = 5;

/** Clocks of the members may differ by so much, and what is asked for is heard within it. */
export const CLOCK_MS = 1000;

/** The durable form. */
export interface SavedTable {
  read: Record<string, number>;
  schemas: Record<string, number[]>;
  ledgers: Record<string, SavedLedger>;
  doubts: StreamDoubt[];
  foreign: ForeignWrite[];
  foreignCount: number;
  /** Which checks are wanted; not there in what older versions wrote. */
  watch?: SavedWatch;
}

/** Of the checks that a table partition was compared by, and wants. */
export interface SavedWatch {
  /** By target, the check that it rests on. */
  rested: Record<string, string>;
  /** Checks in a row that left something unknown, and the last of them. */
  attempts: number;
  tried: string;
  wantedMs: number | null;
  /** The check behind whose finding another one was wanted. */
  followed: string;
  /** The check that what was told speaks against, and behind which another one was wanted. */
  refuted: string;
}

export interface TableCompareOptions {
  table: string;
  partition: number;
  jobId: string;
  /** By source and by target; in the order of the job. */
  sources: ReadonlyMap<string, TopicChanges>;
  targets: ReadonlyMap<string, TopicChanges>;
  /** By source: where its rows belong. */
  routes: ReadonlyMap<string, Route>;
  readers: RecordReaders;
  /** Whether sums are worth being made: not while the table is being copied. */
  isCounting: () => boolean;
  /** Of topics that are compacted: records that are younger are all there; null: all are. */
  wholeMs?: number | null;
  now?: () => number;
}

/** What has come of a target's transaction that is not at its end. */
interface Open {
  changes: ChangeQueue;
  marks: { source: string; next: number }[];
  waits: { bucket: number; waits: boolean }[];
  lost: boolean;
}

interface TargetBatch {
  target: string;
  topic: TopicChanges;
  isCounting: boolean;
}

/** How far the sums of a target are. */
interface Cut {
  atMs: number;
  /** Next offset of the target's log. */
  position: number;
  /** Next offset of each source's log. */
  reached: ReadonlyMap<string, number>;
}

export class TableCompare {
  readonly o: TableCompareOptions;
  readonly ledgers = new Map<string, Ledger>();
  /** Next offset of each source's topic. */
  readonly read: Map<string, number>;
  /** Next offset of each target's topic: ahead of its ledger inside of a transaction. */
  readonly targetRead: Map<string, number>;
  doubts: StreamDoubt[];
  foreign: ForeignWrite[];
  foreignCount: number;
  readonly #schemas: SeenSchemas;
  /** From where each source is read. */
  readonly #readFrom: ReadonlyMap<string, number>;
  readonly #open = new Map<string, Open>();
  /** Differences whose keys are to be looked for, oldest first; by what came between two cuts. */
  unnamed: { doubts: readonly StreamDoubt[]; window: LogWindow }[] = [];
  /** As the ledger of a target was when it was compared last. */
  readonly #compared = new Map<string, Cut>();
  readonly #now: () => number;
  readonly #jobId: Buffer;
  /** When nothing was counted last; null: not since the sums began again. */
  #uncountedMs: number | null;

  constructor(o: TableCompareOptions, saved: SavedTable) {
    this.o = o;
    this.#now = o.now ?? Date.now;
    this.#jobId = Buffer.from(o.jobId);
    this.#uncountedMs = o.isCounting() ? null : this.#now();
    this.#readFrom = new Map(Object.entries(saved.read));
    // In the order of the job, by which routes count targets: names that are numbers are in
    // another one in what was saved.
    for (const target of o.targets.keys()) {
      const ledger = saved.ledgers[target];
      if (ledger !== undefined) this.ledgers.set(target, new Ledger(ledger, BUCKETS, this.#now()));
    }
    this.read = new Map(Object.entries(saved.read));
    for (const [target, ledger] of this.ledgers) this.#compared.set(target, this.#cutOf(ledger));
    this.targetRead = new Map([...this.ledgers].map(([name, l]) => [name, l.position]));
    this.doubts = [...saved.doubts];
    this.foreign = [...saved.foreign];
    this.foreignCount = saved.foreignCount;
    this.#schemas = new SeenSchemas(saved.schemas);
    for (const { topic, valueSchemaId } of [...o.sources.values(), ...o.targets.values()]) {
      // Rows that nobody writes to any more have the columns that came, too.
      if (this.#schemas.isPlannedAnew(topic, valueSchemaId)) this.forget();
    }
  }

  /** Takes a batch of a source's topic. */
  async takeSource(source: string, fetched: FetchedBatch): Promise<void> {
    const topic = this.o.sources.get(source);
    if (topic === undefined) return;
    await this.#learn(topic, fetched);
    const isCounting = this.isCounting();
    for (let i = 0; i < fetched.count; i++) {
      if (markAt(fetched, i) !== null) continue;
      const change = topic.read(fetched, i, isCounting);
      if (change === null || (!isCounting && !change.isUnknown)) continue;
      this.#addSource(source, fetched.offset(i), change);
    }
    topic.release();
    this.read.set(source, fetched.position);
    this.#advance();
  }

  /** Takes a batch of a target's topic. */
  async takeTarget(target: string, fetched: FetchedBatch): Promise<void> {
    const topic = this.o.targets.get(target);
    if (topic === undefined) return;
    await this.#learn(topic, fetched);
    const batch = { target, topic, isCounting: this.isCounting() };
    for (let i = 0; i < fetched.count; i++) this.#takeTargetRecord(batch, fetched, i);
    topic.release();
    this.targetRead.set(target, fetched.position);
    this.#advance();
  }

  /**
   * Whether sums are made: always of what is known, whatever else of the job is being copied. Where
   * they begin again there is a gap in them, so no check of before says anything.
   */
  isCounting(): boolean {
    const isKnown = [...this.ledgers.values()].some(l => l.base !== null);
    const isCounting = isKnown || this.o.isCounting();
    if (!isCounting) this.#uncountedMs = this.#now();
    else if (this.#uncountedMs !== null) {
      // The first check behind a copy begins at once, and is to count.
      if (!isKnown) this.forget(this.#uncountedMs - CLOCK_MS);
      this.#uncountedMs = null;
    }
    return isCounting;
  }

  /** Nothing that was compared before says anything of now. */
  forget(atMs = this.#now()): void {
    for (const ledger of this.ledgers.values()) ledger.forget(atMs);
  }

  /**
   * A check that began then has found the table equal; all of it is in the sums of the target. What
   * differs all the same has come to do so while the check ran: it contradicts that one too. Of
   * buckets that it has found equal nothing is told any more, unless that is all there is to tell.
   */
  rest(target: string, check: string, startedMs: number): void {
    const ledger = this.ledgers.get(target);
    if (ledger === undefined) return;
    ledger.rest(check, startedMs);
    const differs = (d: StreamDoubt): boolean => d.target === target && ledger.differsIn(d.bucket);
    const isOpen = this.doubts.some(differs) ? differs : () => ledger.doubt === 'differs';
    this.doubts = this.doubts.flatMap(d => {
      if (d.target !== target) return [d];
      return isOpen(d) ? [{ ...d, base: check }] : [];
    });
  }

  save(): SavedTable {
    const { read, doubts, foreign, foreignCount } = this;
    return {
      read: this.#resumeAt(read),
      schemas: this.#schemas.save(),
      ledgers: Object.fromEntries([...this.ledgers].map(([t, ledger]) => [t, ledger.save()])),
      ...{ doubts, foreign, foreignCount },
    };
  }

  /** What no ledger has in its sums is read once more. */
  #resumeAt(read: ReadonlyMap<string, number>): Record<string, number> {
    const ledgers = [...this.ledgers.values()];
    const at = [...read].map(([source, position]): [string, number] => {
      const waiting = ledgers.map(l => l.waitsFrom(source) ?? position);
      return [source, Math.min(position, ...waiting)];
    });
    return Object.fromEntries(at);
  }

  async #learn({ topic, valueSchemaId }: TopicChanges, fetched: FetchedBatch): Promise<void> {
    const ids = await this.o.readers.learn(fetched, valueSchemaId);
    // The table changed: what a row was and what it is have other columns.
    const isOther = this.#schemas.isOther(topic, ids, valueSchemaId);
    if (isOther || this.#mayLack(fetched)) this.forget();
  }

  /** Older records of a key that has newer ones may have been compacted away. */
  #mayLack(fetched: FetchedBatch): boolean {
    const { wholeMs = null } = this.o;
    return wholeMs !== null && fetched.count > 0 && fetched.ts(0) < this.#now() - wholeMs;
  }

  #addSource(source: string, offset: number, { bucket, isUnknown, ...row }: TopicChange): void {
    if (isUnknown) {
      for (const ledger of this.ledgers.values()) ledger.addUnknown(source, offset, bucket);
      return;
    }
    const route = this.o.routes.get(source);
    const was = row.before === null ? NO_TARGET : (route?.targetsOf(row.before.view) ?? NO_TARGET);
    const is = row.after === null ? NO_TARGET : (route?.targetsOf(row.after.view) ?? NO_TARGET);
    let target = 0;
    for (const ledger of this.ledgers.values()) {
      const before = isTargetOf(target, was) && row.before !== null ? row.before.fingerprint : null;
      const after = isTargetOf(target, is) && row.after !== null ? row.after.fingerprint : null;
      target += 1;
      if (before === null && after === null) continue;
      ledger.addSource(source, offset, bucket, { before, after });
    }
  }

  #takeTargetRecord(
    { target, topic, isCounting }: TargetBatch,
    fetched: FetchedBatch,
    i: number,
  ): void {
    const ledger = this.ledgers.get(target);
    const offset = fetched.offset(i);
    if (ledger === undefined || offset < ledger.position) return;
    const mark = markAt(fetched, i);
    const position = offset + 1;
    if (mark !== null) {
      this.#mark(target, topic, mark, position);
      return;
    }
    const change = topic.read(fetched, i, isCounting);
    if (change === null) return;
    const isOurs = fetched.header(i, ORIGIN_HEADER)?.equals(this.#jobId) ?? false;
    const changes = isOurs ? this.#openOf(target).changes : new ChangeQueue();
    // Its sum lacks what nobody can read.
    if (isOurs && change.isUnknown) this.#openOf(target).lost = true;
    const { bucket, before, after } = change;
    if (isCounting && !change.isUnknown) {
      changes.add(offset, bucket, before?.fingerprint ?? null, after?.fingerprint ?? null);
    }
    if (isOurs) return;
    this.#noteForeign(target, change, { topic, fetched, i });
    ledger.addStep({ position, marks: [], waits: [], lost: change.isUnknown }, changes);
  }

  #mark(target: string, topic: TopicChanges, mark: Mark, position: number): void {
    if (mark.job !== this.o.jobId) return;
    const open = this.#openOf(target);
    const source = [...this.o.sources].find(([, t]) => t.topic === mark.topic)?.[0];
    if (source !== undefined) open.marks.push({ source, next: mark.next });
    for (const { key, waits } of mark.waits) {
      const bytes = Buffer.from(key, 'base64');
      open.waits.push({ bucket: topic.bucketOf(bytes, 0, bytes.length), waits });
    }
    open.lost ||= mark.more;
    if (mark.left > 0) return;
    const { changes, ...step } = open;
    this.ledgers.get(target)?.addStep({ position, ...step }, changes);
    this.#open.delete(target);
  }

  #openOf(target: string): Open {
    const known = this.#open.get(target);
    if (known !== undefined) return known;
    const open = { changes: new ChangeQueue(), marks: [], waits: [], lost: false };
    this.#open.set(target, open);
    return open;
  }

  #noteForeign(
    target: string,
    { before, after }: TopicChange,
    at: { topic: TopicChanges; fetched: FetchedBatch; i: number },
  ): void {
    const op = before === null ? 'insert' : after === null ? 'delete' : 'update';
    const { table } = this.o;
    const key = at.topic.keyText(at.fetched, at.i);
    const gtid = at.topic.gtid(at.fetched, at.i);
    this.foreignCount += 1;
    this.foreign.push({ table, target, gtid, op, key, atMs: this.#now() });
    if (this.foreign.length > FOREIGN_MAX) this.foreign.shift();
  }

  #advance(): void {
    const { table, partition } = this.o;
    const atMs = this.#now();
    for (const [target, ledger] of this.ledgers) {
      const last = this.#compared.get(target) ?? this.#cutOf(ledger);
      const found = ledger.advance(this.read, atMs);
      const at = { sinceMs: last.atMs, atMs, fromOffset: last.position };
      const toOffset = ledger.position;
      const doubts = found.map(({ bucket, rows }): StreamDoubt => {
        const place = { table, target, partition, bucket, base: ledger.base ?? '' };
        return { ...place, rows, ...at, toOffset };
      });
      this.doubts.push(...doubts);
      if (doubts.length > 0 && this.unnamed.length < SHOWN_MAX) {
        const sums = new Map(doubts.map(d => [d.bucket, ledger.sumOf(d.bucket)]));
        const window = windowOf({ target, sums }, last, this.#cutOf(ledger));
        this.unnamed.push({ doubts, window });
      }
      // The first ones, which say when it began, and the newest.
      if (this.doubts.length > SHOWN_MAX)
        this.doubts.splice(SHOWN_MAX - 1, this.doubts.length - SHOWN_MAX);
      this.#compared.set(target, this.#cutOf(ledger));
    }
  }

  /** A source that no mark has named yet is taken from where it is read. */
  #cutOf({ position, reached }: Ledger): Cut {
    const places = [...this.o.sources.keys()].map((name): [string, number] => [
      name,
      reached.get(name) ?? this.#readFrom.get(name) ?? 0,
    ]);
    return { atMs: this.#now(), position, reached: new Map(places) };
  }

  /** The keys, by bucket, of differences that were told, unless they are cleared up. */
  name(told: readonly StreamDoubt[], keys: ReadonlyMap<number, readonly string[]>): void {
    const isIt = (d: StreamDoubt): boolean =>
      told.some(t => d.target === t.target && d.bucket === t.bucket && d.atMs === t.atMs);
    const keysOf = ({ bucket }: StreamDoubt): string[] => [...(keys.get(bucket) ?? [])];
    this.doubts = this.doubts.map(d => (isIt(d) ? { ...d, keys: keysOf(d) } : d));
  }
}

function windowOf(place: Pick<LogWindow, 'target' | 'sums'>, from: Cut, to: Cut): LogWindow {
  const spans = [...to.reached].map(([name, end]): [string, OffsetSpan] => [
    name,
    { from: from.reached.get(name) ?? end, to: end },
  ]);
  const targetSpan = { from: from.position, to: to.position };
  return { ...place, targetSpan, sourceSpans: new Map(spans) };
}
