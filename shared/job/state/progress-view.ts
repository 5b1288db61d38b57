/** A source's progress topic, read from its start and followed: resume point and ranges. */
import type { Anchor } from '../../change/position.ts';
import type { TablePlan } from './job-view.ts';

export interface Resume {
  epoch: number;
  ordinal: number;
  gtid: string;
  partialGtid: string | null;
  partialRows: number;
  chunksOffset: number;
  file: string;
  pos: number;
  tsMs: number;
  serverUuid: string;
  /** The recopy that this position was begun with. */
  recopy?: string | null;
  /** Proof of the history that the position ends. */
  anchor?: Anchor | null;
  partialStamp?: string | null;
  /** Second in which the server began `file`; 0 when it is not known. */
  fileS?: number;
  /** XA transactions that are prepared and not yet ended here. */
  prepared?: PreparedXa[] | null;
  /** By xid: the transaction of the binlog that holds the rows, where they can be read again. */
  preparedIn?: Record<string, string> | null;
  /** What the judgement of statements rests on that have been read already. */
  trust?: Trust | null;
  /** The log has ended here for the handover of this number; 0: it goes on. */
  handover?: number;
}

export interface PreparedXa {
  /** As the server prints it. */
  xid: string;
  /** Tables of the job that it has changed. */
  tables: string[];
}

/** A statement was judged by what the source showed later: until then nothing may contradict. */
export interface Trust {
  /** Transactions that the source had when it was asked. */
  until: string;
  /** Names that the judgement rests on. */
  names: string[];
}

export interface RangeProgress {
  generation: number;
  db: string;
  table: string;
  range: number;
  after: Buffer | null;
  complete: boolean;
  rows: number;
  dropped: number;
  nextSeq: number;
  rejected: number;
  reason: string | null;
}

/** How far a repair is: keys of its request, from the start, that are settled in the log. */
export interface RepairProgress {
  id: string;
  done: number;
  complete: boolean;
  rows: number;
  deleted: number;
  dropped: number;
  nextSeq: number;
  rejected: number;
  reason: string | null;
}

/** Whose the topics are: the job that has the record (owner.ts). */
export interface Owner {
  sinceMs: number;
}

/** The record of schemas/progress.avsc: one field is set, by key. */
export interface ProgressRecord {
  resume: Resume | null;
  range: RangeProgress | null;
  repair?: RepairProgress | null;
  owner?: Owner | null;
  /** The job that wrote it. */
  jobId?: string;
}

export const progressKey = {
  owner: 'owner',
  source: 'source',
  range: (db: string, table: string, range: number): string => `range/${db}.${table}/${range}`,
  repair: (id: string): string => `repair/${id}`,
};

export class ProgressView {
  resume: Resume | null = null;
  /** By `<db>.<table>/<range>`. */
  readonly ranges = new Map<string, RangeProgress>();
  readonly repairs = new Map<string, RepairProgress>();
  owner: Owner | null = null;
  /** The job that wrote the newest record, by key. */
  readonly writers = new Map<string, string>();
  #listeners: (() => void)[] = [];

  apply(key: string, record: ProgressRecord | null): void {
    if (record === null) this.writers.delete(key);
    else this.writers.set(key, record.jobId ?? '');
    if (key === progressKey.source) this.resume = record?.resume ?? null;
    else if (key === progressKey.owner) this.owner = record?.owner ?? null;
    else if (key.startsWith('range/')) {
      if (record?.range) this.ranges.set(key.slice(6), record.range);
      else this.ranges.delete(key.slice(6));
    } else if (key.startsWith('repair/')) {
      if (record?.repair) this.repairs.set(key.slice(7), record.repair);
      else this.repairs.delete(key.slice(7));
    }
    for (const listener of [...this.#listeners]) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter(x => x !== listener);
    };
  }

  /** Every range of the plan's generation is in the log. */
  isCopied(plan: TablePlan): boolean {
    return plan.ranges.every(({ id }) => {
      const range = this.range(plan.db, plan.table, id);
      return range?.complete === true && range.generation === plan.generation;
    });
  }

  range(db: string, table: string, range: number): RangeProgress | undefined {
    return this.ranges.get(`${db}.${table}/${range}`);
  }
}
