/**
 * XA transactions of the source: their rows are logged when they are prepared, and whether they
 * ever become true is told later, perhaps never. Rows of ours in one are refused before anything of
 * them is appended. Those of others pass; each is remembered until it ends, for the end names no
 * table. The list is part of the resume point.
 */
import type { PreparedXa } from '../../../shared/job/state/progress-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

/** Servers do not have more sessions; a list that grows further is not taken for a list. */
const PREPARED_MAX = 10_000;

export class XaLedger {
  readonly #prepared = new Map<string, ReadonlySet<string>>();
  #current: { xid: string; tables: Set<string> } | null = null;
  #list: PreparedXa[] | null = null;

  constructor(prepared: readonly PreparedXa[]) {
    for (const { xid, tables } of prepared) this.#prepared.set(xid, new Set(tables));
  }

  /** The transaction that is read is one of these. */
  get isOpen(): boolean {
    return this.#current !== null;
  }

  start(xid: string): void {
    this.#current = { xid, tables: new Set() };
  }

  /** Rows of the table are in it that the copy has, or will have once it is committed. */
  passesOver(table: string): void {
    this.#current?.tables.add(table);
  }

  /** The transaction is read to its end. */
  close(): void {
    this.#current = null;
  }

  prepare(): void {
    if (this.#current === null) return;
    this.#prepared.set(this.#current.xid, this.#current.tables);
    this.#current = null;
    this.#list = null;
    if (this.#prepared.size <= PREPARED_MAX) return;
    throw new ReshardError('bug', `more than ${PREPARED_MAX} XA transactions are prepared`);
  }

  /** Our tables that the transaction has changed; null: it was prepared before our time. */
  end(xid: string): ReadonlySet<string> | null {
    const tables = this.#prepared.get(xid) ?? null;
    this.#prepared.delete(xid);
    this.#list = null;
    return tables;
  }

  prepared(): PreparedXa[] {
    this.#list ??= [...this.#prepared].map(([xid, tables]) => ({ xid, tables: [...tables] }));
    return this.#list;
  }
}
