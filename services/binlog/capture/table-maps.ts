/**
 * What the TableMap events of the stream have said: which of our tables a table id stands for, and
 * how its images are read. An id is of one run of the server, and means another table as soon as
 * other bytes come for it; the same bytes are looked at once.
 */
import type { RowProjection } from '../../../shared/row/row-projection.ts';
import { type RawEvent, readTableName } from './binlog-event.ts';
import type { CaptureOptions } from './capture-options.ts';
import type { CapturedTable } from './captured-table.ts';
import { OwnTable } from './own-table.ts';
import type { Refusals } from './refusal.ts';
import { tableDifference } from './table-match.ts';
import type { XaLedger } from './xa.ts';

interface KnownMap {
  /** The event's body behind the table id: equal bytes mean an equal table. */
  bytes: Buffer;
  /** Of a table in our database; null: of another. */
  name: string | null;
  /** It is one of the job's, though it may be passed over. */
  isOurs: boolean;
  /** Null: not one of ours, or the copy has what the transaction changes. */
  table: CapturedTable | null;
  /** Its images are of before the table grew. */
  shape: RowProjection | null;
  /** A table that the sink of a job keeps here. */
  own: OwnTable | null;
}

/** Equal to no map: the next one of the table is looked at again. */
const NOTHING = Buffer.alloc(0);
const KNOWN_MAX = 4096;

export class TableMaps {
  readonly #o: Pick<CaptureOptions, 'db' | 'tables' | 'nameKey' | 'position' | 'decoder' | 'marks'>;
  readonly #refusals: Refusals;
  readonly #xa: XaLedger;
  readonly #known = new Map<number, KnownMap>();

  constructor(o: CaptureOptions, refusals: Refusals, xa: XaLedger) {
    this.#o = o;
    this.#refusals = refusals;
    this.#xa = xa;
  }

  of(id: number): Readonly<KnownMap> | undefined {
    return this.#known.get(id);
  }

  clear(): void {
    this.#known.clear();
  }

  /** Between transactions: what is forgotten comes again before it is needed. */
  shed(): void {
    if (this.#known.size > KNOWN_MAX) this.clear();
  }

  take(event: RawEvent): void {
    const { buf, start, end } = event;
    const id = buf.readUIntLE(start, 6);
    const known = this.#known.get(id);
    const same = known && buf.compare(known.bytes, 0, known.bytes.length, start + 6, end) === 0;
    if (same) return;
    const { schema, table: name } = readTableName(event);
    const { db, tables, nameKey, position } = this.#o;
    const isNear = nameKey(schema) === nameKey(db);
    const table = (isNear && tables.get(nameKey(name))) || null;
    if (table?.skips(position.current)) {
      this.#xa.passesOver(table.schema.table);
      const passed = { table: null, shape: null, isOurs: true, own: null };
      this.#known.set(id, { bytes: NOTHING, name: table.schema.table, ...passed });
      return;
    }
    const shape = table === null ? null : this.#shape(table, event);
    const bytes = Buffer.from(buf.subarray(start + 6, end));
    const near = isNear ? (table?.schema.table ?? name) : null;
    const isOurs = table !== null;
    const own = isOurs || !isNear ? null : this.#own(name, event);
    this.#known.set(id, { bytes, name: near, isOurs, table, shape, own });
  }

  #own(name: string, event: RawEvent): OwnTable | null {
    if (this.#o.marks === null) return null;
    return OwnTable.of(name, () => {
      const seen = this.#o.decoder.decodeTableMap(event);
      if (seen === undefined) throw this.#refusals.withoutNames(name);
      return seen;
    });
  }

  /** How its images are read: null as planned. Throws if they cannot be. */
  #shape(table: CapturedTable, event: RawEvent): RowProjection | null {
    const seen = this.#o.decoder.decodeTableMap(event);
    const { db, table: name } = table.schema;
    if (seen === undefined) throw this.#refusals.withoutNames(name);
    const difference = tableDifference(table.schema, seen);
    if (difference === null) return null;
    const shape = table.shapeOf(seen);
    if (shape !== null) return shape;
    throw this.#refusals.changed(`${db}.${name} is not as planned: ${difference}`, [name]);
  }
}
