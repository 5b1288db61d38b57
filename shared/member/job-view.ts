/**
 * What a service knows of its job: the state topic, read from its start and followed. Control is
 * the only writer; everybody else reads. A view is complete up to the moment it was opened.
 */
import type { RecordCodec } from '../codec/record-codec.ts';
import type { TableSchema } from '../row/table-schema.ts';

export type Phase = 'prepare' | 'copying' | 'following' | 'verified';

export interface JobState {
  phase: Phase;
  sinceMs: number;
  startedMs: number;
  paused: string[];
}

export interface Start {
  gtid: string;
  serverUuid: string;
  flavor: 'mysql' | 'mariadb';
}

export interface PlannedRange {
  id: number;
  /** Exclusive lower bound, canonical primary-key bytes; null is open. */
  after: Buffer | null;
  /** Inclusive upper bound; null is open. */
  upTo: Buffer | null;
}

export interface TablePlanRecord {
  generation: number;
  source: string;
  db: string;
  table: string;
  topic: string;
  schemaJson: string;
  keySchemaId: number;
  valueSchemaId: number;
  estimatedRows: number;
  ranges: PlannedRange[];
}

export interface TablePlan extends TablePlanRecord {
  schema: TableSchema;
}

export interface VerifyRequest {
  id: string;
  requestedMs: number;
  tables: string[];
}

/** The record of schemas/state.avsc: one field is set, by key. */
export interface StateRecord {
  job: JobState | null;
  start: Start | null;
  plan: TablePlanRecord | null;
  verify: VerifyRequest | null;
}

export const stateKey = {
  job: 'job',
  start: (source: string): string => `start/${source}`,
  plan: (source: string, db: string, table: string): string => `plan/${source}/${db}.${table}`,
  verify: (id: string): string => `verify/${id}`,
};

export class JobView {
  job: JobState | null = null;
  /** By source name. */
  readonly starts = new Map<string, Start>();
  /** By `<source>/<db>.<table>`. */
  readonly plans = new Map<string, TablePlan>();
  readonly verifies = new Map<string, VerifyRequest>();
  #listeners: (() => void)[] = [];

  apply(key: string, record: StateRecord | null): void {
    const [kind, rest] = split(key);
    if (kind === 'job') this.job = record?.job ?? null;
    else if (kind === 'start') put(this.starts, rest, record?.start);
    else if (kind === 'verify') put(this.verifies, rest, record?.verify);
    else if (kind === 'plan') {
      const plan = record?.plan;
      put(this.plans, rest, plan ? { ...plan, schema: parseSchema(plan.schemaJson) } : undefined);
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back after each change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter(x => x !== listener);
    };
  }

  /** Resolves with the first truthy answer of `probe`, tried now and after each change. */
  async waitFor<T>(probe: () => T | null | undefined | false, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        end();
        reject(signal.reason ?? new Error('stopped'));
      };
      const look = (): void => {
        const got = probe();
        if (!got) return;
        end();
        signal.removeEventListener('abort', stop);
        resolve(got);
      };
      const end = this.onChange(look);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      else look();
    });
  }

  plansOf(source: string): TablePlan[] {
    return [...this.plans.values()].filter(p => p.source === source);
  }
}

/** Decodes a record of the state topic into the view. */
export function applyState(
  view: JobView,
  codec: RecordCodec<StateRecord>,
  key: Buffer,
  value: Buffer | null,
): void {
  view.apply(key.toString('utf8'), value === null ? null : codec.decode(value));
}

function parseSchema(json: string): TableSchema {
  return JSON.parse(json);
}

function split(key: string): [string, string] {
  const i = key.indexOf('/');
  return i < 0 ? [key, ''] : [key.slice(0, i), key.slice(i + 1)];
}

function put<T>(map: Map<string, T>, key: string, value: T | null | undefined): void {
  if (value === null || value === undefined) map.delete(key);
  else map.set(key, value);
}
