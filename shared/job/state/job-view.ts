/**
 * What a service knows of its job: the state topic, read from its start and followed (open.ts). A
 * view is complete up to the moment it was opened. Who writes which record: record-writer.ts.
 */
import { ReshardError } from '../../runtime/error.ts';
import type { TableSchema } from '../../schema/table-schema.ts';
import type { Applied, Recopied } from './answer.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Comparison, CutoverRequest, CutoverRun } from './cutover.ts';
import {
  type DroppedColumn,
  type GrowthRequest,
  type SkipRequest,
  skipsOf,
} from './ddl-request.ts';
import type { HandoverRun } from './handover.ts';
import type { JobIdentity, TableIdentity } from './identity.ts';
import type { Drop, Preparing, Term } from './life.ts';
import type { Proof } from './proof.ts';
import type { Rehearsals } from './rehearsal.ts';
import type { RepairOrder, RepairRun } from './repair-run.ts';
import type { Pause, RetuneRequest, Throttle } from './throttle.ts';
import type { VerifyRequest } from './verify-request.ts';

export type Phase = 'prepare' | 'copying' | 'following' | 'verified' | 'switched' | 'finished';

export interface JobState {
  phase: Phase;
  sinceMs: number;
  startedMs: number;
  paused: string[];
  /** When the last recopy was ordered; checks of before say nothing any more. */
  recopiedMs?: number;
}

export interface Start {
  gtid: string;
  serverUuid: string;
  flavor: 'mysql' | 'mariadb';
  /** The recopy that wrote this; with `jump` the log goes on from `gtid`, wherever it was. */
  recopy?: string | null;
  jump?: boolean;
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
  /** The recopy that raised the generation. */
  recopy?: string | null;
  /** Changes of these transactions are not read from the binlog: the copy has them. */
  skipTo?: string;
  /** Of a recopy: ends of the topic's partitions before it; all its rows are behind them. */
  copiedFrom?: number[];
  /** Id of the topic that they are of. */
  copiedTopicId?: string;
  /** What the table was before columns were added to it, made wider or dropped; oldest first. */
  older?: OlderSchema[];
  /** Columns that the source has dropped and that the targets may have still. */
  dropped?: DroppedColumn[];
  /** By key column, the class that partitions it (key-class.ts); none: all by their bytes. */
  keyClasses?: string[];
}

/** Records of the topic may still be of it. */
export interface OlderSchema {
  schemaJson: string;
  valueSchemaId: number;
  /** Columns of it that were dropped since: one that has the name by now is another one. */
  gone?: string[];
}

export interface TablePlan extends TablePlanRecord {
  schema: TableSchema;
}

/** Which keys of a repair get a tombstone: those not found, or each one before its row. */
export type Clear = 'never' | 'absent' | 'always';

/** Keys to read again and to bring into the log as they are; see docs/TOPICS.md. */
export interface RepairRequest {
  id: string;
  requestedMs: number;
  source: string;
  db: string;
  table: string;
  clear: Clear;
  /** Canonical primary-key bytes. */
  keys: Buffer[];
}

/** The operator's word to copy tables of a source anew. */
export interface RecopyRequest {
  id: string;
  requestedMs: number;
  source: string;
  tables: string[];
  /** The binlog up to now is lost, or not wanted: the log goes on from now. */
  jump: boolean;
  /** Changes of these tables up to now are not read from the binlog. */
  skip: boolean;
  /** In a view, of control's answer: set when the new plans are durable. */
  plannedMs?: number | null;
  error?: string | null;
}

/** The operator's word to take up tables that the job file has more than the job. */
export interface ApplyRequest {
  id: string;
  requestedMs: number;
  by: string;
  tables: TableIdentity[];
}

/** The record of schemas/state.avsc: one field is set, by key. */
export interface StateRecord {
  job: JobState | null;
  start: Start | null;
  plan: TablePlanRecord | null;
  verify: VerifyRequest | null;
  repair?: RepairRequest | null;
  recopy?: RecopyRequest | null;
  pause?: Pause | null;
  prepare?: Preparing | null;
  proof?: Proof | null;
  order?: RepairOrder | null;
  run?: RepairRun | null;
  identity?: JobIdentity | null;
  term?: Term | null;
  recopied?: Recopied | null;
  apply?: ApplyRequest | null;
  applied?: Applied | null;
  growth?: GrowthRequest | null;
  skip?: SkipRequest | null;
  drop?: Drop | null;
  retune?: RetuneRequest | null;
  throttle?: Throttle | null;
  cutover?: CutoverRequest | null;
  cutoverRun?: CutoverRun | null;
  rehearsals?: Rehearsals | null;
  comparison?: Comparison | null;
  handoverRun?: HandoverRun | null;
  checkpoint?: Checkpoint | null;
  /** The job that wrote it. */
  jobId?: string;
}

export const stateKey = {
  job: 'job',
  start: (source: string): string => `start/${source}`,
  plan: (...table: [source: string, db: string, table: string]): string =>
    `plan/${planKey(...table)}`,
  verify: (id: string): string => `verify/${id}`,
  repair: (id: string): string => `repair/${id}`,
  recopy: (id: string): string => `recopy/${id}`,
  pause: (reason: string): string => `pause/${reason}`,
  prepare: 'prepare',
  proof: (table: string): string => `proof/${table}`,
  order: (id: string): string => `order/${id}`,
  run: (id: string): string => `run/${id}`,
  identity: 'identity',
  term: 'term',
  recopied: (id: string): string => `recopied/${id}`,
  apply: (id: string): string => `apply/${id}`,
  applied: (id: string): string => `applied/${id}`,
  growth: (id: string): string => `growth/${id}`,
  skip: (id: string): string => `skip/${id}`,
  drop: 'drop',
  retune: (id: string): string => `retune/${id}`,
  throttle: 'throttle',
  cutover: (id: string): string => `cutover/${id}`,
  cutoverRun: 'cutover-run',
  rehearsals: 'rehearsals',
  comparison: 'comparison',
  handoverRun: 'handover-run',
  checkpoint: (id: string): string => `checkpoint/${id}`,
};

export class JobView {
  /** Null while the job is not prepared. */
  identity: JobIdentity | null = null;
  term: Term | null = null;
  drop: Drop | null = null;
  throttle: Throttle | null = null;
  cutoverRun: CutoverRun | null = null;
  rehearsals: Rehearsals | null = null;
  comparison: Comparison | null = null;
  handoverRun: HandoverRun | null = null;
  /** Offset of the newest record that is in the view. */
  offset = -1;
  job: JobState | null = null;
  preparing: Preparing | null = null;
  /** By source name. */
  readonly starts = new Map<string, Start>();
  /** By `<source>/<db>.<table>`; of the tables that the job has. */
  readonly plans = new Map<string, TablePlan>();
  readonly verifies = new Map<string, VerifyRequest>();
  readonly checkpoints = new Map<string, Checkpoint>();
  readonly repairs = new Map<string, RepairRequest>();
  readonly applies = new Map<string, ApplyRequest>();
  readonly applied = new Map<string, Applied>();
  readonly growths = new Map<string, GrowthRequest>();
  readonly skips = new Map<string, SkipRequest>();
  readonly pauses = new Map<string, Pause>();
  readonly retunes = new Map<string, RetuneRequest>();
  readonly cutovers = new Map<string, CutoverRequest>();
  /** By table. */
  readonly proofs = new Map<string, Proof>();
  readonly orders = new Map<string, RepairOrder>();
  readonly runs = new Map<string, RepairRun>();
  /** Those of a table that is about to be added, too: it is the job's when the identity says so. */
  readonly #planned = new Map<string, TablePlan>();
  readonly #recopyRequests = new Map<string, RecopyRequest>();
  readonly #recopied = new Map<string, Recopied>();
  #listeners: (() => void)[] = [];

  apply(key: string, record: StateRecord | null): void {
    const [kind, rest] = split(key);
    if (kind === 'job') this.job = record?.job ?? null;
    else if (kind === 'prepare') this.preparing = record?.prepare ?? null;
    else if (kind === 'start') put(this.starts, rest, record?.start);
    else if (kind === 'verify') put(this.verifies, rest, record?.verify);
    else if (kind === 'repair') put(this.repairs, rest, record?.repair);
    else if (kind === 'recopy') put(this.#recopyRequests, rest, record?.recopy);
    else if (kind === 'recopied') put(this.#recopied, rest, record?.recopied);
    else if (kind === 'apply') put(this.applies, rest, record?.apply);
    else if (kind === 'applied') put(this.applied, rest, record?.applied);
    else if (kind === 'growth') put(this.growths, rest, record?.growth);
    else if (kind === 'skip') put(this.skips, rest, record?.skip);
    else if (kind === 'identity') this.#setIdentity(record?.identity ?? null);
    else if (kind === 'term') this.term = record?.term ?? null;
    else if (kind === 'drop') this.drop = record?.drop ?? null;
    else if (kind === 'pause') put(this.pauses, rest, record?.pause);
    else if (kind === 'retune') put(this.retunes, rest, record?.retune);
    else if (kind === 'throttle') this.throttle = record?.throttle ?? null;
    else if (kind === 'cutover') put(this.cutovers, rest, record?.cutover);
    else if (kind === 'cutover-run') this.cutoverRun = record?.cutoverRun ?? null;
    else if (kind === 'rehearsals') this.rehearsals = record?.rehearsals ?? null;
    else if (kind === 'comparison') this.comparison = record?.comparison ?? null;
    else if (kind === 'handover-run') this.handoverRun = record?.handoverRun ?? null;
    else if (kind === 'proof') put(this.proofs, rest, record?.proof);
    else if (kind === 'order') put(this.orders, rest, record?.order);
    else if (kind === 'run') put(this.runs, rest, record?.run);
    else if (kind === 'checkpoint') put(this.checkpoints, rest, record?.checkpoint);
    else if (kind === 'plan') {
      const plan = record?.plan;
      put(
        this.#planned,
        rest,
        plan ? { ...plan, schema: parseSchema(plan.schemaJson) } : undefined,
      );
      this.#showPlans();
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #setIdentity(identity: JobIdentity | null): void {
    this.identity = identity;
    this.#showPlans();
  }

  #showPlans(): void {
    this.plans.clear();
    for (const [key, plan] of this.#planned) {
      const isOurs = this.identity?.tables.some(t => t.name === plan.table) ?? true;
      if (isOurs) this.plans.set(key, plan);
    }
  }

  /** The plan of a table that the job has. */
  planOf(source: string, db: string, table: string): TablePlan | undefined {
    return this.plans.get(planKey(source, db, table));
  }

  needPlan(source: string, db: string, table: string): TablePlan {
    const plan = this.planOf(source, db, table);
    if (plan !== undefined) return plan;
    throw new ReshardError('schema-changed', `no plan of ${planKey(source, db, table)}`);
  }

  /** A plan, also of a table that is about to be added. */
  plannedOf(source: string, db: string, table: string): TablePlan | undefined {
    return this.#planned.get(planKey(source, db, table));
  }

  /** The id of the job, once it has one. */
  get jobId(): string {
    return this.identity?.id ?? '';
  }

  /** Requests, each with control's answer, by id. */
  get recopies(): ReadonlyMap<string, RecopyRequest> {
    const all = [...this.#recopyRequests].map(([id, request]): [string, RecopyRequest] => {
      return [id, { ...request, ...this.#recopied.get(id) }];
    });
    return new Map(all);
  }

  /** Why the copy stands still; empty when nobody has asked for that. */
  get paused(): string[] {
    return [...new Set([...(this.job?.paused ?? []), ...this.pauses.keys()])].sort();
  }

  /** The same with who asked for it and when, oldest first. */
  get pauseList(): Pause[] {
    const known = this.#byJob().filter(p => !this.pauses.has(p.reason));
    return [...known, ...this.pauses.values()].sort((a, b) => a.sinceMs - b.sinceMs);
  }

  /** Reasons in the job's record, which has no place for more. */
  #byJob(): Pause[] {
    const { paused = [], startedMs = 0 } = this.job ?? {};
    return paused.map(reason => ({ reason, sinceMs: startedMs, by: 'control' }));
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

  /** The last recopy of the source whose plans and start are durable. */
  recopyOf(source: string): string | null {
    return this.starts.get(source)?.recopy ?? null;
  }

  plansOf(source: string): TablePlan[] {
    return [...this.plans.values()].filter(p => p.source === source);
  }

  /**
   * What units of the source are built from: another text means that they have to be built anew
   * (tables are copied anew, or have got columns, or a statement is passed over).
   */
  basisOf(source: string): string {
    const grown = this.plansOf(source).filter(p => (p.older ?? []).length > 0);
    const ids = grown.map(p => `${p.table}=${p.valueSchemaId}`).sort();
    const skips = skipsOf(this, source).map(s => s.id);
    return [this.recopyOf(source) ?? '', ...ids, ...skips.sort()].join(' ');
  }
}

/** Of a view's plans. */
function planKey(source: string, db: string, table: string): string {
  return `${source}/${db}.${table}`;
}

export function parseSchema(json: string): TableSchema {
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
