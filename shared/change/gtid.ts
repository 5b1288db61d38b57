/**
 * Sets of transactions by global id. MySQL (tags too) and MariaDB behind one form: for each source
 * the sorted inclusive intervals of its numbers. A MariaDB position `domain-server-sequence` is the
 * interval from 1 of its domain, with the server remembered for printing. That is what MariaDB's
 * own replica keeps, and it is true only while numbers rise in a domain's binlog: servers that
 * write to one domain at once, with gtid_strict_mode = OFF, break it (0-1-12, then 0-2-10). The
 * stream's position refuses such a number before anything of it is in the log (position.ts).
 * Why not the file position: it moves before a commit is visible, and means nothing on a replica.
 */
import { ReshardError } from '../runtime/error.ts';

export type Flavor = 'mysql' | 'mariadb';

/** One transaction. `source` is `uuid`, `uuid:tag`, or a MariaDB domain. */
export interface Gtid {
  source: string;
  number: number;
  /** MariaDB only: the server that wrote it. */
  server: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;
const INTERVAL = /^(\d+)(?:-(\d+))?$/;
const MARIADB = /^(\d+)-(\d+)-(\d+)$/;

export function parseGtid(text: string): Gtid {
  const maria = MARIADB.exec(text);
  if (maria) {
    return {
      source: maria[1] ?? '',
      number: gtidNumber(maria[3] ?? '', text),
      server: Number(maria[2]),
    };
  }
  const parts = text.toLowerCase().split(':');
  const [uuid = '', tagOrNumber = '', last] = parts;
  const number = gtidNumber(last ?? tagOrNumber, text);
  if (!UUID.test(uuid) || parts.length < 2 || parts.length > 3) throw malformed(text);
  if (last === undefined) return { source: uuid, number, server: 0 };
  if (!TAG.test(tagOrNumber)) throw malformed(text);
  return { source: `${uuid}:${tagOrNumber}`, number, server: 0 };
}

export function printGtid(g: Gtid, flavor: Flavor): string {
  return flavor === 'mysql' ? `${g.source}:${g.number}` : `${g.source}-${g.server}-${g.number}`;
}

function malformed(text: string): ReshardError {
  return new ReshardError('corrupt', `not a transaction id or set: ${text.slice(0, 80)}`);
}

function gtidNumber(digits: string, text: string): number {
  const n = Number(digits);
  if (digits === '' || !Number.isSafeInteger(n) || n < 0) throw malformed(text);
  return n;
}

export class GtidSet {
  readonly flavor: Flavor;
  /** By source: first, last, first, last ... sorted, never touching each other. */
  readonly #intervals = new Map<string, number[]>();
  readonly #servers = new Map<string, number>();

  constructor(flavor: Flavor) {
    this.flavor = flavor;
  }

  /** An empty text is an empty set; without a flavor it is taken for MySQL's. */
  static parse(text: string, flavor?: Flavor): GtidSet {
    const items = text.replace(/\s/g, '').toLowerCase().split(',').filter(Boolean);
    const found: Flavor = flavor ?? (items[0] && MARIADB.test(items[0]) ? 'mariadb' : 'mysql');
    const set = new GtidSet(found);
    for (const item of items) {
      if (found === 'mariadb') {
        if (!MARIADB.test(item)) throw malformed(text);
        set.add(parseGtid(item));
      } else {
        set.#parseMysql(item);
      }
    }
    return set;
  }

  #parseMysql(item: string): void {
    const [uuid = '', ...parts] = item.split(':');
    if (!UUID.test(uuid) || parts.length === 0) throw malformed(item);
    let source = uuid;
    let empty = true;
    for (const part of parts) {
      const interval = INTERVAL.exec(part);
      if (interval) {
        const first = gtidNumber(interval[1] ?? '', item);
        const last = interval[2] === undefined ? first : gtidNumber(interval[2], item);
        if (first < 1 || last < first) throw malformed(item);
        this.addInterval(source, first, last);
        empty = false;
      } else if (TAG.test(part)) {
        if (empty && source !== uuid) throw malformed(item);
        source = `${uuid}:${part}`;
        empty = true;
      } else {
        throw malformed(item);
      }
    }
    if (empty) throw malformed(item);
  }

  add(gtid: Gtid): void {
    if (this.flavor === 'mysql') {
      this.addInterval(gtid.source, gtid.number, gtid.number);
      return;
    }
    if (this.contains(gtid)) return;
    this.#intervals.set(gtid.source, [0, gtid.number]);
    this.#servers.set(gtid.source, gtid.server);
  }

  addInterval(source: string, first: number, last: number): void {
    const list = this.#intervals.get(source);
    if (list === undefined) {
      this.#intervals.set(source, [first, last]);
      return;
    }
    const end = list.at(-1) ?? 0;
    // Transactions come in order: nearly always the last interval grows by one.
    if (first === end + 1) list[list.length - 1] = last;
    else if (first > end) list.push(first, last);
    else mergeInterval(list, first, last);
  }

  contains(gtid: Pick<Gtid, 'source' | 'number'>): boolean {
    const list = this.#intervals.get(gtid.source);
    return list !== undefined && holds(list, gtid.number, gtid.number);
  }

  /** True when every transaction of `other` is in this set. */
  covers(other: GtidSet): boolean {
    for (const [source, wanted] of other.#intervals) {
      const list = this.#intervals.get(source);
      if (list === undefined) return false;
      for (let i = 0; i < wanted.length; i += 2) {
        if (!holds(list, wanted[i] ?? 0, wanted[i + 1] ?? 0)) return false;
      }
    }
    return true;
  }

  equals(other: GtidSet): boolean {
    return this.covers(other) && other.covers(this);
  }

  /** Adds every transaction of `other` to this set. */
  union(other: GtidSet): this {
    for (const [source, list] of other.#intervals) {
      if (this.flavor === 'mariadb') {
        const server = other.#servers.get(source) ?? 0;
        this.add({ source, number: list.at(-1) ?? 0, server });
        continue;
      }
      for (let i = 0; i < list.length; i += 2) {
        this.addInterval(source, list[i] ?? 0, list[i + 1] ?? 0);
      }
    }
    return this;
  }

  /**
   * This set before `gtid` was added to it. `previous` is the one that was the last of its domain
   * until then: MariaDB's position alone does not tell.
   */
  without(gtid: Gtid, previous: Gtid | null): GtidSet {
    const set = this.clone();
    const list = set.#intervals.get(gtid.source);
    if (list === undefined) return set;
    if (this.flavor === 'mariadb') {
      set.#intervals.delete(gtid.source);
      set.#servers.delete(gtid.source);
      if (previous !== null) set.add(previous);
      return set;
    }
    const i = floorIndex(list, gtid.number);
    const [first, last] = [list[i] ?? 0, list[i + 1] ?? -1];
    if (i < 0 || last < gtid.number) return set;
    const rest = [first, gtid.number - 1, gtid.number + 1, last];
    const parts = [rest.slice(0, 2), rest.slice(2)].filter(([a = 0, b = 0]) => a <= b).flat();
    list.splice(i, 2, ...parts);
    if (list.length === 0) set.#intervals.delete(gtid.source);
    return set;
  }

  /** The last transaction of a MariaDB domain; null when there is none. */
  lastOf(source: string): Gtid | null {
    const number = this.#intervals.get(source)?.at(-1);
    if (number === undefined) return null;
    return { source, number, server: this.#servers.get(source) ?? 0 };
  }

  clone(): GtidSet {
    const copy = new GtidSet(this.flavor);
    for (const [source, list] of this.#intervals) copy.#intervals.set(source, [...list]);
    for (const [source, server] of this.#servers) copy.#servers.set(source, server);
    return copy;
  }

  isEmpty(): boolean {
    return this.#intervals.size === 0;
  }

  /** Last number of a source, 0 when it has none. */
  last(source: string): number {
    return this.#intervals.get(source)?.at(-1) ?? 0;
  }

  /** Canonical text, the one that the server prints too (without its line breaks). */
  toString(): string {
    const sources = [...this.#intervals.keys()];
    if (this.flavor === 'mariadb') {
      return sources
        .sort((a, b) => Number(a) - Number(b))
        .map(s => `${s}-${this.#servers.get(s) ?? 0}-${this.last(s)}`)
        .join(',');
    }
    let text = '';
    let uuid = '';
    for (const source of sources.sort()) {
      const [id = '', tag] = source.split(':');
      if (id !== uuid) text += `${text === '' ? '' : ','}${id}`;
      uuid = id;
      if (tag !== undefined) text += `:${tag}`;
      text += printIntervals(this.#intervals.get(source) ?? []);
    }
    return text;
  }
}

function printIntervals(list: number[]): string {
  let text = '';
  for (let i = 0; i < list.length; i += 2) {
    const [first, last] = [list[i], list[i + 1]];
    text += first === last ? `:${first}` : `:${first}-${last}`;
  }
  return text;
}

/** Index of the last interval that begins at or before `n`, or -2. */
function floorIndex(list: number[], n: number): number {
  let low = 0;
  let high = list.length / 2 - 1;
  while (low <= high) {
    const mid = (low + high) >> 1;
    if ((list[mid * 2] ?? 0) <= n) low = mid + 1;
    else high = mid - 1;
  }
  return high * 2;
}

function holds(list: number[], first: number, last: number): boolean {
  const i = floorIndex(list, first);
  return i >= 0 && (list[i + 1] ?? -1) >= last;
}

function mergeInterval(list: number[], first: number, last: number): void {
  let from = floorIndex(list, first);
  if (from < 0 || (list[from + 1] ?? 0) + 1 < first) from += 2;
  let to = from;
  let [low, high] = [first, last];
  while (to < list.length && (list[to] ?? 0) <= last + 1) {
    low = Math.min(low, list[to] ?? low);
    high = Math.max(high, list[to + 1] ?? high);
    to += 2;
  }
  list.splice(from, to - from, low, high);
}
