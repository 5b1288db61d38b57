/**
 * A source with unique keys besides the primary key, as a model in memory, and the log that an
 * ordered writer would make of it: transactions later than they were committed, and between them
 * chunks of rows, which may be newer than the log (T1). Values are few, so nearly every statement
 * takes a unique value that another key has just given up.
 */
import type { Random } from '../load/random.ts';
import type { Event, LogMaker, TextRow } from './log-maker.ts';

/** Characters that a key of the first ones of `uk` compares. */
const PART = 28;

/**
 * The table: two unique keys, one of them composite, one that calls other bytes equal. `parts`: of
 * the first characters of that column; then values differ behind them.
 */
export function uniqueDdl(name: string, keyType: string, parts: boolean): string {
  return `CREATE TABLE ${name} (
    id ${keyType} PRIMARY KEY,
    shard INT NOT NULL,
    uk VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL,
    n INT NULL,
    flag TINYINT NOT NULL,
    seq INT NOT NULL,
    UNIQUE KEY by_uk (uk${parts ? `(${PART})` : ''}),
    UNIQUE KEY by_n (n, flag)
  ) ENGINE=InnoDB`;
}

interface Row {
  readonly id: string;
  readonly shard: number;
  readonly uk: string | null;
  readonly n: number | null;
  readonly flag: number;
  readonly seq: number;
}

type Rows = Map<string, Row>;

interface Change {
  key: string;
  event: Event;
}

/** What a chunk SELECT saw: all rows after so many transactions. */
interface ReadView {
  committed: number;
  rows: Rows;
}

const UK_VALUES = ['a', 'A', 'a ', 'b', 'B ', 'c', 'd', 'e', 'f', 'g', 'h', 'i'] as const;
const N_VALUES = [-2, -1, 0, 1, 2, 3] as const;
const LAG_MAX = 12;

export class UniqueWorld {
  /** What the source holds. */
  readonly rows: Rows = new Map();
  readonly #random: Random;
  readonly #ids: readonly string[];
  readonly #logs: readonly LogMaker[];
  /** Committed and not yet in the log. */
  readonly #waiting: Change[][] = [];
  #open: Change[] = [];
  #committed = 0;
  #published = 0;
  #seq = 0;
  readonly #parts: boolean;
  readonly #lastPublished = new Map<string, number>();
  #view: ReadView | null = null;

  constructor(
    random: Random,
    ids: readonly string[],
    logs: readonly LogMaker[],
    o: { parts: boolean },
  ) {
    this.#random = random;
    this.#parts = o.parts;
    this.#ids = ids;
    this.#logs = logs;
  }

  /** One thing that happens: at the source, or to its log. */
  step(): void {
    const what = this.#random.weighted({ commit: 50, publish: 45, look: 2, chunk: 3 });
    if (what === 'commit') this.#commit();
    else if (what === 'look') this.#view = { committed: this.#committed, rows: new Map(this.rows) };
    else if (what === 'chunk') this.#chunk();
    else this.#publish();
    while (this.#waiting.length > LAG_MAX) this.#publish();
  }

  /** Publishes what is left. */
  finish(): void {
    while (this.#waiting.length > 0) this.#publish();
  }

  partitionOf(key: string): number {
    let h = 7;
    for (const c of key) h = (h * 31 + c.charCodeAt(0)) >>> 0;
    return h % this.#logs.length;
  }

  #commit(): void {
    this.#open = [];
    for (let left = this.#random.between(1, 3); left > 0; left--) this.#statement();
    if (this.#open.length === 0) return;
    this.#committed += 1;
    this.#waiting.push(this.#open);
  }

  #publish(): void {
    const changes = this.#waiting.shift();
    if (changes === undefined) return;
    this.#published += 1;
    for (const { key, event } of changes) {
      this.#append(key, event);
      this.#lastPublished.set(key, this.#published);
    }
  }

  /** The merge rule: a row follows in the log unless its key has a newer event there already. */
  #chunk(): void {
    const view = this.#view ?? { committed: this.#committed, rows: this.rows };
    this.#view = null;
    for (const row of view.rows.values()) {
      if ((this.#lastPublished.get(row.id) ?? 0) > view.committed) continue;
      this.#append(row.id, { op: 'r', after: this.#text(row) });
    }
  }

  #append(key: string, event: Event): void {
    this.#logs[this.partitionOf(key)]?.append(event);
  }

  #statement(): void {
    const random = this.#random;
    const row = this.#anyRow();
    const other = this.#anyRow();
    const kind = random.weighted({
      insert: 10,
      replace: 6,
      change: 10,
      move: 5,
      delete: 4,
      rename: 5,
      swap: 8,
      hand: 6,
      reuse: 4,
    });
    if (kind === 'insert') this.#insert(this.#fresh(random.pick(this.#ids)));
    else if (kind === 'replace') this.#replace(this.#fresh(random.pick(this.#ids)));
    else if (row === undefined) return;
    else if (kind === 'change') this.#update(this.#fresh(row.id, row.shard));
    else if (kind === 'move') this.#update({ ...row, shard: random.between(-3, 3) });
    else if (kind === 'delete') this.#delete(row);
    else if (kind === 'rename') this.#rename(row, random.pick(this.#ids));
    else if (other === undefined || other.id === row.id) return;
    else if (kind === 'swap') this.#swap(row, other);
    else if (kind === 'hand') this.#hand(row, other);
    else this.#reuse(row);
  }

  #anyRow(): Row | undefined {
    return this.rows.size === 0 ? undefined : this.#random.pick([...this.rows.values()]);
  }

  #fresh(id: string, shard = this.#random.between(-3, 3)): Row {
    const random = this.#random;
    return {
      id,
      shard,
      uk: random.chance(0.2) ? null : random.pick(UK_VALUES),
      n: random.chance(0.3) ? null : random.pick(N_VALUES),
      flag: random.below(2),
      seq: 0,
    };
  }

  #colliding(row: Row): Row[] {
    return [...this.rows.values()].filter(r => r.id !== row.id && collide(r, row));
  }

  #insert(row: Row): void {
    if (this.rows.has(row.id) || this.#colliding(row).length > 0) return;
    this.#put(row);
  }

  /** As the server logs it: rows in the way are deleted, the last one may become the new one. */
  #replace(row: Row): void {
    const inTheWay = this.#colliding(row);
    const last = this.#random.chance(0.5) && !this.rows.has(row.id) ? inTheWay.pop() : undefined;
    for (const r of inTheWay) this.#delete(r);
    if (last !== undefined) this.#delete(last);
    const same = this.rows.get(row.id);
    if (same !== undefined && this.#random.chance(0.5)) this.#delete(same);
    this.#put(row);
  }

  #update(row: Row): void {
    if (this.#colliding(row).length === 0) this.#put(row);
  }

  #rename(row: Row, id: string): void {
    if (this.rows.has(id)) return;
    this.#delete(row);
    this.#put({ ...row, id });
  }

  /** By way of a value that nobody has, as one statement at a time must. */
  #swap(a: Row, b: Row): void {
    const parked = this.#random.chance(0.5) ? null : `swap ${a.id}`;
    this.#put({ ...a, uk: parked, n: null });
    this.#put({ ...b, uk: a.uk, n: a.n, flag: a.flag });
    this.#put({ ...a, uk: b.uk, n: b.n, flag: b.flag });
  }

  #hand(from: Row, to: Row): void {
    this.#put({ ...from, uk: null });
    this.#put({ ...to, uk: from.uk });
  }

  #reuse(row: Row): void {
    const id = this.#random.pick(this.#ids);
    if (this.rows.has(id)) return;
    this.#delete(row);
    this.#put({ ...this.#fresh(id), uk: row.uk, n: null });
  }

  #put(wanted: Row): void {
    this.#seq += 1;
    const row = { ...wanted, seq: this.#seq };
    const before = this.rows.get(row.id);
    this.rows.set(row.id, row);
    const after = this.#text(row);
    const event: Event = before
      ? { op: 'u', before: this.#text(before), after }
      : { op: 'c', after };
    this.#open.push({ key: row.id, event });
  }

  #delete(row: Row): void {
    const before = this.rows.get(row.id);
    if (before === undefined) return;
    this.rows.delete(row.id);
    this.#open.push({ key: row.id, event: { op: 'd', before: this.#text(before) } });
  }

  #text({ id, shard, uk, n, flag, seq }: Row): TextRow {
    const isPart = this.#parts && uk !== null;
    return [id, shard, isPart ? `${uk.padEnd(PART)}${seq}` : uk, n, flag, seq];
  }

  /** The rows that a target must hold in the end, as text, in order. */
  expected(target: number, targets: number): string[] {
    const here = [...this.rows.values()].filter(r => floorModulo(r.shard, targets) === target);
    return here.map(r => this.#text(r).join()).sort();
  }
}

/** Whether no table with these unique keys can hold both. */
function collide(a: Row, b: Row): boolean {
  if (a.uk !== null && b.uk !== null && folded(a.uk) === folded(b.uk)) return true;
  return a.n !== null && a.n === b.n && a.flag === b.flag;
}

/** utf8mb4_general_ci: case and trailing blanks do not count. */
function folded(uk: string): string {
  return uk.toLowerCase().trimEnd();
}

function floorModulo(n: number, of: number): number {
  return ((n % of) + of) % of;
}
