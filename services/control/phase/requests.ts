/**
 * Requests of the operator that need the sources: recopies, and tables that a job takes up. Each is
 * one question (inquiry.ts) and then one stretch of writing. Of one source the oldest goes first,
 * and one whose source is away keeps no other waiting; what each waits for is in control's report.
 */
import type { Job } from '../../../shared/job/job.ts';
import { standsBy } from '../../../shared/job/state/cutover.ts';
import {
  type ApplyRequest,
  stateKey,
  type TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { describeError, firstLine } from '../../../shared/runtime/error.ts';
import type { RunNote } from '../repair/repair-runs.ts';
import type { Applied } from '../status/server-probe.ts';
import { type ApplyDeps, carryOutApply, draftApply, openApply } from './apply.ts';
import { standingWord } from './dropped-column.ts';
import type { GrownTables } from './grown-table.ts';
import type { Ruling } from './growth-target.ts';
import type { GrownTable } from './halted-shape.ts';
import { Inquiries, type OpenInquiry } from './inquiry.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import {
  draftRecopy,
  openRecopies,
  planRecopy,
  type RecopyDeps,
  type RecopyDraft,
} from './recopy.ts';
import { carryOutSkip, openSkip } from './skip.ts';
import { CONTROL, carryOutGrowth, openGrowth } from './take-up.ts';
import { TargetDrops } from './target-drop.ts';
import { tableTopics } from './topic-plan.ts';

export interface RequestsDeps extends ApplyDeps {
  ruling: Ruling;
  /** By source. */
  progress: ReadonlyMap<string, ProgressView>;
  proofs: Pick<ProofKeeper, 'doubt'>;
  /** What a target has applied; null if it does not answer. */
  applied: (target: string) => Promise<Applied | null>;
  grown: Pick<GrownTables, 'list' | 'grow' | 'haltOf'>;
}

interface Answered {
  /** Id of the request that was made, if one was. */
  request: string;
  atMs: number;
  /** Until it is made again, if it was refused. */
  pauseMs: number;
  isOver: boolean;
}

/** Between two requests of control for the same columns; each is two records for good. */
const AGAIN = { minMs: 10_000, maxMs: 600_000 };

function isDue({ atMs, pauseMs, isOver }: Answered): boolean {
  return !isOver && Date.now() - atMs > pauseMs;
}

export class Requests {
  readonly #d: RequestsDeps;
  readonly #recopies: Inquiries<RecopyDraft>;
  readonly #applies: Inquiries<TablePlanRecord[]>;
  readonly #growths: Inquiries<boolean>;
  readonly #drops: TargetDrops;
  readonly #ends: RecopyDeps['ends'] = topic => this.#d.kafka.logEnds(topic);
  /** Of a topic that is to be copied into: one that somebody has deleted is made anew. */
  readonly #endsOfCopied: RecopyDeps['ends'] = async topic => {
    const { job, kafka, log } = this.#d;
    const admin = await kafka.admin();
    if (!(await admin.listTopics()).includes(topic)) {
      await admin.ensureTopics(tableTopics(job, topic));
      log.warn({ topic }, 'the log of the table was gone: it is made anew');
    }
    return await this.#ends(topic);
  };
  /** Halts that have had their answer; the source takes a moment to go on. */
  readonly #answered = new Map<string, Answered>();

  constructor(deps: RequestsDeps) {
    this.#d = deps;
    this.#recopies = new Inquiries(deps.log);
    this.#applies = new Inquiries(deps.log);
    this.#growths = new Inquiries(deps.log);
    this.#drops = new TargetDrops(deps);
  }

  /**
   * Brings every open request on as far as it can go now, without waiting for a source.
   * `isStandby`: only what keeps the logs going; nothing is copied while rows are carried the other
   * way.
   */
  async step(isStandby = false): Promise<void> {
    if (!isStandby) await this.#copy();
    await this.#takeUpGrown();
    // Refused at once where a server is away, and bounded by the time that a login may take.
    const growth = openGrowth(this.#d.view);
    const more = { ends: this.#ends, drops: this.#drops };
    if (growth !== undefined) await carryOutGrowth({ ...this.#d, ...more }, growth);
    const skip = openSkip(this.#d.view);
    if (skip !== undefined) await carryOutSkip(this.#d, skip);
    await this.#drops.step();
  }

  async #copy(): Promise<void> {
    const { view, progress } = this.#d;
    const ends = this.#endsOfCopied;
    for (const recopy of openRecopies(view)) {
      const answer = this.#recopies.ask(recopy.id, () => {
        return draftRecopy({ ...this.#d, ends }, recopy);
      });
      if (answer === null) continue;
      await planRecopy({ ...this.#d, ends }, recopy, answer);
      this.#recopies.forget(recopy.id);
    }
    const apply = openApply(view, progress);
    if (apply !== undefined) await this.#apply(apply);
  }

  async #apply(apply: ApplyRequest): Promise<void> {
    const answer = this.#applies.ask(apply.id, () => draftApply(this.#d, apply));
    if (answer === null) return;
    await carryOutApply(this.#d, apply, answer);
    this.#applies.forget(apply.id);
  }

  /** Asks for what halted sources need, as the operator would. */
  async #takeUpGrown(): Promise<void> {
    const { job, view, ruling, grown, log, writer } = this.#d;
    const isStandby = standsBy(job, ruling.cutoverRun);
    const standing = grown.list().filter(g => isStanding(job, g, isStandby));
    const halts = new Map(standing.map(g => [idOf(g), g]));
    for (const { id } of this.#growths.open()) if (!halts.has(id)) this.#growths.forget(id);
    for (const [id, answered] of [...this.#answered]) {
      if (!halts.has(id)) this.#answered.delete(id);
      // Refused: a server was away just then, or the table has changed between the two looks.
      else if (view.applied.get(answered.request)?.error && isDue(answered)) answered.isOver = true;
      else continue;
      this.#growths.forget(id);
    }
    for (const [id, halt] of halts) {
      const { source: name, table } = halt;
      const source = job.sources.find(s => s.name === name);
      const before = this.#answered.get(id);
      if (source === undefined || before?.isOver === false) continue;
      const answer = this.#growths.ask(id, () =>
        grown.grow({ job, view, ruling, log }, source, halt),
      );
      if (answer === null) continue;
      const atMs = Date.now();
      const request = `${id}-${atMs}`;
      const pauseMs = Math.min((before?.pauseMs ?? AGAIN.minMs / 2) * 2, AGAIN.maxMs);
      this.#answered.set(id, { request, atMs, pauseMs, isOver: false });
      if ('error' in answer) {
        const why = describeError(answer.error);
        log.warn({ source: name, table }, `columns that came are left to the operator: ${why}`);
      } else if (answer.value) {
        const dropped = halt.removed.length === 0 ? '' : (standingWord(job, isStandby) ?? '');
        const asked = { id: request, requestedMs: atMs, by: CONTROL, source: name, table };
        const growth = { ...asked, dropped } as const;
        await writer.put(stateKey.growth(request), { growth });
      }
    }
  }

  /** What the open requests wait for, and the columns that are being added to the targets. */
  get waiting(): RunNote[] {
    const note = ({ id, why, sinceMs }: OpenInquiry): RunNote => {
      const what = why === null ? 'the answer of its servers' : `its servers: ${firstLine(why)}`;
      return { id, stage: 'planning', what, sinceMs, error: null };
    };
    const halts = new Map(this.#d.grown.list().map(g => [idOf(g), g]));
    const growths = this.#growths.open().flatMap(asked => {
      const halt = halts.get(asked.id);
      const stage = halt === undefined ? '' : stageOf(halt);
      return halt === undefined ? [] : [{ ...note(asked), stage, tables: [halt.table] }];
    });
    const asked = [...this.#recopies.open(), ...this.#applies.open()].map(note);
    return [...asked, ...growths, ...this.#drops.waiting];
  }
}

function stageOf({ added, widened }: GrownTable): string {
  if (added !== '') return 'adding columns';
  return widened.length > 0 ? 'widening columns' : 'dropping columns';
}

/** Whether the job file has the word for what has changed there. */
function isStanding(
  job: Job,
  { added, widened, removed }: GrownTable,
  isStandby: boolean,
): boolean {
  const isGrowth = added !== '' || widened.length > 0;
  if (isGrowth && job.options.addedColumns === 'stop') return false;
  return removed.length === 0 || standingWord(job, isStandby) !== null;
}

function idOf({ source, table, added, widened, removed }: GrownTable): string {
  const lengths = widened.map(({ name, type }) => `-${name} ${type}`);
  const gone = removed.map(name => `-without ${name}`);
  return `growth-${source}-${table}-${added}${lengths.join('')}${gone.join('')}`;
}
