/** The tables of a slot: built from the plans of both directions and from what was durable. */
import type { Job } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import type { JobView, TablePlan } from '../../../shared/job/state/job-view.ts';
import { basisOf } from '../../../shared/job/state/proof.ts';
import type {
  ForeignWrite,
  StreamDoubt,
  StreamedTable,
} from '../../../shared/job/state/stream-report.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { rowKeyNames } from '../../../shared/schema/table-schema.ts';
import type { Goal } from './stream-clock.ts';
import type { StoredTable } from './stream-store.ts';
import { type SavedTable, TableCompare } from './table-compare.ts';
import { TableWatch } from './table-watch.ts';
import { type RecordReaders, TopicChanges } from './topic-changes.ts';

/** What a report has room for, but for one of each table. */
const TOLD_MAX = 40;

const HOUR_MS = 3_600_000;

interface Views {
  job: Job;
  view: JobView;
  backView: JobView;
}

export interface SlotOptions extends Views {
  kafka: Pick<KafkaLog, 'offsets'>;
  readers: RecordReaders;
  slot: number;
}

export class SlotTables {
  readonly watches: readonly TableWatch[];
  readonly #o: SlotOptions;
  /** Of the plans that it is built from. */
  readonly #shape: string;
  /** By table, the copies that it is compared of: what is known of them is not of later ones. */
  readonly #basis: ReadonlyMap<string, string>;
  readonly #saved = new Map<string, string>();

  private constructor(
    o: SlotOptions,
    watches: readonly TableWatch[],
    of: { shape: string; basis: ReadonlyMap<string, string> },
  ) {
    this.#o = o;
    this.watches = watches;
    this.#shape = of.shape;
    this.#basis = of.basis;
  }

  /** Resolves when every table is planned in both directions. */
  static async planned(o: Views, signal: AbortSignal): Promise<void> {
    const { job, view, backView } = o;
    const all = (v: JobView, list: readonly { name: string; database: string }[]): boolean =>
      list.every(s => job.tables.every(t => v.planOf(s.name, s.database, t.name) !== undefined));
    await view.waitFor(() => all(view, job.sources), signal);
    await backView.waitFor(() => all(backView, job.targets), signal);
  }

  static async build(
    o: SlotOptions,
    stored: ReadonlyMap<string, StoredTable>,
  ): Promise<SlotTables> {
    // Before anything is waited for: what is planned meanwhile has it built once more.
    const basis = new Map(o.job.tables.map(({ name }) => [name, copiesOf(o, name)]));
    const of = { shape: shapeOf(o), basis };
    const watches: TableWatch[] = [];
    for (const { name } of o.job.tables) {
      const known = stored.get(name);
      const compare = compareOf(o, name, known?.saved ?? (await freshTable(o, name)));
      // Copied anew: what the log was told of the rows before says nothing of those now.
      const isOther = known !== undefined && known.basis !== basis.get(name);
      if (isOther) compare.forget();
      const watch = isOther ? undefined : known?.saved.watch;
      watches.push(new TableWatch(compare, o.view, watch && { saved: watch }));
    }
    return new SlotTables(o, watches, of);
  }

  isCurrent(): boolean {
    return shapeOf(this.#o) === this.#shape;
  }

  look(goal: Goal | null): void {
    for (const watch of this.watches) watch.look(goal, Date.now());
  }

  /** Whether every table is compared up to there; what is said then is as of that or later. */
  hasCompared(ends: Goal['ends']): boolean {
    return this.watches.every(w => w.hasCompared(ends));
  }

  /** What has changed since the last call, to be made durable. */
  changed(): Map<string, StoredTable> {
    const changed = new Map<string, StoredTable>();
    for (const watch of this.watches) {
      const { table } = watch.compare.o;
      const saved = { ...watch.compare.save(), watch: watch.save() };
      const text = JSON.stringify(saved);
      if (this.#saved.get(table) === text) continue;
      this.#saved.set(table, text);
      changed.set(table, { basis: this.#basis.get(table) ?? '', saved });
    }
    return changed;
  }

  /** Begun with anew, from where the logs end. */
  async fresh(): Promise<Map<string, StoredTable>> {
    const tables = new Map<string, StoredTable>();
    for (const { compare } of this.watches) {
      const { table } = compare.o;
      const saved = await freshTable(this.#o, table);
      tables.set(table, { basis: this.#basis.get(table) ?? '', saved });
    }
    return tables;
  }

  get said(): StreamedTable[] {
    return this.watches.map(w => w.said());
  }

  /**
   * The first ones of each table: many of one must not hide those of another. What a table leaves
   * of its share the others have.
   */
  get doubts(): StreamDoubt[] {
    const all = this.watches.map(w => w.compare.doubts).filter(d => d.length > 0);
    const told = new Map<StreamDoubt[], number>();
    let left = TOLD_MAX;
    for (const [i, doubts] of all.toSorted((a, b) => a.length - b.length).entries()) {
      const share = Math.max(1, Math.floor(left / (all.length - i)));
      told.set(doubts, share);
      left -= Math.min(share, doubts.length);
    }
    return all.flatMap(doubts => doubts.slice(0, told.get(doubts)));
  }

  get foreign(): ForeignWrite[] {
    return this.watches.flatMap(w => w.compare.foreign);
  }

  get foreignCount(): number {
    return this.watches.reduce((n, w) => n + w.compare.foreignCount, 0);
  }
}

function compareOf(o: SlotOptions, table: string, saved: SavedTable): TableCompare {
  const { job, view, readers, slot } = o;
  const { partitions, compact, retentionHours } = job.options;
  const topicsOf = (plans: readonly TablePlan[]): Map<string, TopicChanges> =>
    new Map(plans.map(p => [p.source, new TopicChanges(p, partitions, readers)]));
  const { sources, targets } = plansOf(o, table);
  refuseOtherKeys(sources, targets);
  const options = {
    ...{ table, partition: slot, jobId: view.jobId, readers },
    sources: topicsOf(sources),
    targets: topicsOf(targets),
    routes: new Map(sources.map(p => [p.source, routeOf(job, p.schema, p.source)])),
    isCounting: () => view.job?.phase !== 'copying',
    wholeMs: compact ? retentionHours * HOUR_MS : null,
  };
  return new TableCompare(options, saved);
}

function plansOf({ job, view, backView }: Views, table: string) {
  return {
    sources: job.sources.map(s => view.needPlan(s.name, s.database, table)),
    targets: job.targets.map(t => backView.needPlan(t.name, t.database, table)),
  };
}

/**
 * Partitions and buckets are by key. A table without a primary key may have several unique indexes
 * that rows can be told apart by: then each server's log is by the first one that the server has.
 */
function refuseOtherKeys(sources: readonly TablePlan[], targets: readonly TablePlan[]): void {
  const keyOf = (p: TablePlan): string => rowKeyNames(p.schema).join(', ');
  const classesOf = ({ keyClasses = [] }: TablePlan): string => keyClasses.join();
  const [first] = sources;
  for (const other of [...sources, ...targets]) {
    if (first === undefined) return;
    const refuse = (what: string, remedy: string): never => {
      throw new ReshardError('schema-changed', `both logs cannot be compared: ${what}`, {
        ...{ context: { table: first.table, server: other.source }, remedy },
      });
    };
    if (keyOf(other) !== keyOf(first)) {
      const by = [first, other].map(p => `(${keyOf(p)}) at ${p.source}`).join(', by ');
      const fix = 'make the unique indexes of the table the same on all servers, in one order';
      refuse(`rows of ${first.table} are told apart by ${by}`, fix);
    }
    if (classesOf(other) === classesOf(first)) continue;
    const fix = 'leave out `options.streamingCheck`: the job was made by an older version';
    refuse(`keys of ${first.table} that are text are in other partitions at ${other.source}`, fix);
  }
}

/**
 * From where the logs end now, with nothing known. Targets first: what a target has by then is in
 * front of the sources' ends, so none of their records waits for a mark that has gone by.
 */
async function freshTable(o: SlotOptions, table: string): Promise<SavedTable> {
  const { sources, targets } = plansOf(o, table);
  const end = async ({ topic }: TablePlan): Promise<number> =>
    (await o.kafka.offsets(topic)).find(r => r.partition === o.slot)?.latest ?? 0;
  const nothing = { reached: {}, sums: [], unknown: [], waits: [], told: [], base: null };
  const ledgers: SavedTable['ledgers'] = {};
  for (const plan of targets) ledgers[plan.source] = { position: await end(plan), ...nothing };
  const read: Record<string, number> = {};
  for (const plan of sources) read[plan.source] = await end(plan);
  return { read, schemas: {}, ledgers, doubts: [], foreign: [], foreignCount: 0 };
}

/** Generations of the table's copies. */
function copiesOf({ view }: Views, table: string): string {
  return basisOf(view, table).split(';')[0] ?? '';
}

function shapeOf(o: Views): string {
  const { job, view, backView } = o;
  const plans = [...view.plans.values(), ...backView.plans.values()];
  const ids = plans.map(p => `${p.topic}/${p.generation}/${p.valueSchemaId}`).sort();
  return [...job.tables.map(t => t.name), ...ids].join(' ');
}
