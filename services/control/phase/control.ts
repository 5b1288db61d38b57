/**
 * Control: one leader (a lease) prepares the job, moves its phase, keeps the proofs of its tables
 * and carries out repairs and recopies. It touches no row: it reads the progress of the sources,
 * the results of checks and what the targets have applied, and writes the state topic.
 */

import { tablesOf } from '../../../shared/job/job.ts';
import { returnJob } from '../../../shared/job/return-job.ts';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { openProgress, openState } from '../../../shared/job/state/open.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { standings } from '../../../shared/job/state/proof.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';
import type { ReportedUnit } from '../../../shared/member/reporter.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Unit } from '../../../shared/runtime/service.ts';
import { Cleanups, type CleanupsDeps } from '../cutover/cleanup.ts';
import { Cutovers, type CutoversDeps } from '../cutover/cutovers.ts';
import { FenceWatch } from '../cutover/fence-watch.ts';
import { type Carrier, MysqlSite } from '../cutover/mysql-site.ts';
import { passageOf } from '../cutover/verb.ts';
import type { Handovers } from '../handover/handovers.ts';
import { openHandovers } from '../handover/open-handovers.ts';
import { RepairRuns, type RunNote } from '../repair/repair-runs.ts';
import { backlogsOf } from '../status/backlog.ts';
import { ReportView } from '../status/report-view.ts';
import { type Applied, ServerProbe } from '../status/server-probe.ts';
import { CheckKeeper } from './check-keeper.ts';
import { CheckSweep } from './check-sweep.ts';
import { CheckpointKeeper } from './checkpoint-keeper.ts';
import { countRanges, done, isCopied } from './copied-range.ts';
import { gaugesOf } from './gauge.ts';
import { GrownTables } from './grown-table.ts';
import { untilFenced } from './leadership.ts';
import { MemberSweep } from './member-sweep.ts';
import { nextPhase, type PhaseEvent } from './phase.ts';
import { ProofKeeper } from './proof-keeper.ts';
import { Requests } from './requests.ts';
import { leadingWriter, type StateWriter } from './state-writer.ts';
import { followHalts, type TargetHalt, type TargetHalts } from './target-halts.ts';
import { ThrottleKeeper } from './throttle-keeper.ts';
import { openVerdicts, type Verdicts } from './verdicts.ts';

const STEP_MS = 250;
const SWEEP_MS = 60_000;
const CAME_BACK = 'the application has been on the targets since then';
/** Services that bring what sources write to the targets. */
const CARRIERS = ['binlog', 'sink'];

/** What the loop works with. */
interface Hands {
  writer: StateWriter;
  progress: ReadonlyMap<string, ProgressView>;
  verdicts: Verdicts;
  proofs: ProofKeeper;
  runs: RepairRuns;
  requests: Requests;
  throttle: ThrottleKeeper;
  cutovers: Cutovers;
  /** Of a copy. */
  handovers: Handovers | null;
  fences: FenceWatch;
  cleanups: Cleanups;
  checks: CheckKeeper;
  checkpoints: CheckpointKeeper;
  back: WayBack | null;
}

/** What is followed of the way back of the job. */
interface WayBack extends Carrier {
  probe: ServerProbe;
  halts: TargetHalts;
}

export class Control implements Unit {
  readonly #context: ServiceContext;
  readonly #unit: ReportedUnit;
  readonly #sweep = new MemberSweep();
  readonly #checkSweep = new CheckSweep();

  constructor(context: ServiceContext, unit: ReportedUnit) {
    this.#context = context;
    this.#unit = unit;
  }

  run(signal: AbortSignal): Promise<void> {
    const { job, log } = this.#context;
    return untilFenced(() => this.#lead(signal), { job, log, signal });
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { log, view } = this.#context;
    await using stack = new AsyncDisposableStack();
    const failure = new AbortController();
    const hands = await this.#hands(stack, signal, e => failure.abort(e));
    const stop = AbortSignal.any([signal, failure.signal]);
    // An older version has left it in jobs that are long prepared.
    if (view.preparing !== null) await hands.writer.put(stateKey.prepare, {});
    let sweptAt = performance.now();
    while (!stop.aborted) {
      if (performance.now() - sweptAt > SWEEP_MS) {
        sweptAt = performance.now();
        const now = Date.now();
        await this.#clear([...this.#sweep.gone(now), ...this.#checkSweep.gone(view, now)]);
      }
      await this.#turn(hands);
      await sleep(STEP_MS, stop);
    }
    if (failure.signal.aborted && !signal.aborted) throw failure.signal.reason;
    log.info({ phase: view.job?.phase }, 'control stops');
  }

  /**
   * The fence first: what the control before us has written is in our view then, and nothing of it
   * comes later. `fail`: something that is followed can be followed no longer.
   */
  async #hands(
    stack: AsyncDisposableStack,
    signal: AbortSignal,
    fail: (e: unknown) => void,
  ): Promise<Hands> {
    const { job, kafka, log, view } = this.#context;
    const writer = stack.use(await leadingWriter(this.#context, signal));
    const progress = await this.#progressOf(stack, { job, view }, fail);
    const put: CleanupsDeps['put'] = (key, record) => writer.put(key, record);
    const proofs = new ProofKeeper({ view, log, put });
    const probe = stack.use(new ServerProbe(job, log, view.jobId));
    let needed = (): ReadonlySet<string> =>
      new Set([...view.runs.values()].flatMap(r => r.check ?? []));
    const grown = new GrownTables();
    // Its own connections: others wait for no measurement.
    const measuring = stack.use(new ServerProbe(job, log, view.jobId));
    const throttle = new ThrottleKeeper({
      ...{ view, log, writer, gauges: gaugesOf(this.#context, measuring) },
      perSource: job.options.snapshotRowsPerSecond,
      isChecking: () => [...view.verifies.keys()].some(id => verdicts.isUnderWay(id)),
    });
    const reports = new ReportView();
    const verdicts = stack.use(
      await openVerdicts(
        this.#context,
        () => needed(),
        (key, report) => {
          reports.apply(key, report);
          this.#sweep.note(key, report);
          this.#checkSweep.note(key, report);
          grown.note(report);
          throttle.note(report);
        },
      ),
    );
    verdicts.failed.catch(fail);
    reports.live();
    const applied = (target: string): Promise<Applied | null> => probe.applied(target);
    const runs = new RepairRuns({
      ...{ job, view, kafka, log, progress },
      checkReport: id => verdicts.check(id),
      applied,
      put,
      remove: key => writer.remove(key),
      doubt: (tables, why) => proofs.doubt(tables, why),
    });
    needed = () => runs.checks;
    const requests = new Requests({ ...this.#context, writer, progress, proofs, applied, grown });
    const back = await this.#wayBack(stack, fail);
    const passing = { writer, progress, probe, proofs, verdicts, back };
    const cutovers = this.#cutovers({ ...passing, reports }, signal);
    const checks = this.#checks({ writer, verdicts, proofs, back }, measuring);
    const checkpoints = new CheckpointKeeper({ view, writer, verdicts });
    const fences = new FenceWatch({ view, log, probe: stack.use(new ServerProbe(job, log)) });
    const cleanups = stack.use(this.#cleanups(put, signal));
    const loop = { writer, progress, verdicts, proofs, runs, requests, throttle, cleanups };
    const handovers = this.#handovers({ ...passing, reports }, signal);
    return { ...loop, cutovers, handovers, fences, checks, checkpoints, back };
  }

  async #wayBack(stack: AsyncDisposableStack, fail: (e: unknown) => void): Promise<WayBack | null> {
    const { kafka, registry, log } = this.#context;
    const job = returnJob(this.#context.job);
    if (job === null) return null;
    const state = stack.use(await openState({ job, kafka, registry, log }));
    state.failed.catch(fail);
    const { view } = state;
    const progress = await this.#progressOf(stack, { job, view }, fail);
    const { halts, tail } = await followHalts({ kafka, registry, job }, view);
    stack.use(tail).failed.catch(fail);
    return { job, view, progress, halts, probe: stack.use(new ServerProbe(job, log, view.jobId)) };
  }

  /** Of each source, followed. */
  async #progressOf(
    stack: AsyncDisposableStack,
    { job, view }: Pick<Carrier, 'job' | 'view'>,
    fail: (e: unknown) => void,
  ): Promise<Map<string, ProgressView>> {
    const progress = new Map<string, ProgressView>();
    for (const { name } of job.sources) {
      const opened = stack.use(await openProgress(this.#context, name, view.jobId));
      opened.failed.catch(fail);
      progress.set(name, opened.view);
    }
    return progress;
  }

  /** Those that start by themselves; `measuring` tells whether the targets are in step. */
  #checks(
    { writer, verdicts, proofs, back }: Pick<Hands, 'writer' | 'verdicts' | 'proofs' | 'back'>,
    measuring: ServerProbe,
  ): CheckKeeper {
    const { job } = this.#context;
    const halts = (): TargetHalt[] =>
      job.options.streamingCheck ? (back?.halts.standing(Date.now()) ?? []) : [];
    return new CheckKeeper({
      ...this.#context,
      writer,
      checkReport: id => verdicts.check(id),
      backlogs: () => backlogsOf(this.#context, measuring),
      wanted: () => [
        ...verdicts.streams.wanted(Date.now()),
        ...proofs.wantedBehind(halts(), tablesOf(job)),
      ],
    });
  }

  #cleanups(put: CleanupsDeps['put'], signal: AbortSignal): Cleanups {
    const { job, view, log } = this.#context;
    const isStopped = (): boolean => signal.aborted;
    return new Cleanups({ job, view, log, put, isStopped, sleep: ms => sleep(ms) });
  }

  #cutovers(
    o: Pick<Hands, 'writer' | 'progress' | 'proofs' | 'verdicts' | 'back'> & {
      reports: ReportView;
      probe: ServerProbe;
    },
    signal: AbortSignal,
  ): Cutovers {
    const { job, view, log } = this.#context;
    const { reports } = o;
    return new Cutovers({
      ...{ job, view, log },
      sites: this.#sites(o),
      put: (key, record) => o.writer.put(key, record),
      note: cutover => this.#unit.set({ detail: { cutover } }),
      carriers: () => {
        const here = reports.notStopped().filter(m => CARRIERS.includes(m.service));
        return here.map(m => `${m.service} ${m.member} (${m.state})`);
      },
      doubts: () => this.#doubts(o),
      comparer: {
        slots: job.options.partitions,
        standings: () => standings(view, tablesOf(job)),
        ask: comparison => o.writer.put(stateKey.comparison, { comparison }),
        answers: id => o.verdicts.streams.answers(id),
      },
      isStopped: () => signal.aborted,
      sleep: ms => sleep(ms),
    });
  }

  #handovers(
    o: Pick<Hands, 'writer' | 'progress' | 'proofs' | 'verdicts' | 'back'> & {
      reports: ReportView;
      probe: ServerProbe;
    },
    signal: AbortSignal,
  ): Handovers | null {
    return openHandovers(this.#context, {
      progress: o.progress,
      put: async (key, record) => void (await o.writer.put(key, record)),
      note: cutover => this.#unit.set({ detail: { cutover } }),
      lacks: positions => this.#sites(o).over.lacks(positions),
      sinks: () => o.reports.atWork('sink'),
      doubts: () => this.#doubts(o),
      isStopped: () => signal.aborted,
    });
  }

  async #doubts(o: Pick<Hands, 'proofs' | 'verdicts' | 'back'>): Promise<string | null> {
    const { job, view } = this.#context;
    await this.#heed(o);
    const open = standings(view, tablesOf(job)).filter(s => !s.isProven);
    return open.length === 0 ? null : open.map(s => `${s.table}: ${s.why}`).join('; ');
  }

  /** What an application can go: over, and back if the job has a way back. */
  #sites(o: Pick<Hands, 'progress' | 'back'> & { probe: ServerProbe }): CutoversDeps['sites'] {
    const { job, view, kafka, log } = this.#context;
    const forward = { job, view, progress: o.progress };
    const common = { name: job.job, ruling: view, kafka, log };
    const { back } = o;
    const over = new MysqlSite({
      ...{ ...common, ...forward, way: 'over', opposite: back },
      applied: target => o.probe.applied(target),
    });
    if (back === null) return { over, back };
    const applied = (target: string): Promise<Applied | null> => back.probe.applied(target);
    const returning = { ...common, ...back, way: 'back', opposite: forward, applied } as const;
    return { over, back: new MysqlSite(returning) };
  }

  async #turn(hands: Hands): Promise<void> {
    const { writer, progress, proofs, runs, requests, throttle, cutovers } = hands;
    await this.#heed(hands);
    await cutovers.step();
    await hands.handovers?.step();
    hands.fences.step();
    hands.cleanups.step();
    // From the journal on the targets are the application's: nothing is read from the sources anew.
    const isOver = this.#isOver;
    if (passageOf(this.#context.view) === 'returnable') await requests.step(true);
    else if (!isOver) await requests.step();
    await throttle.step();
    if (!isOver) await runs.step();
    await hands.checks.step();
    await hands.checkpoints.step();
    const event = this.#event(progress, proofs);
    // What was proven was before the application was on the targets.
    if (event === 'returned') await proofs.doubt(tablesOf(this.#context.job), CAME_BACK);
    await this.#step(writer, event);
    this.#report(progress, [...requests.waiting, ...runs.waiting]);
  }

  /** Brings the proofs up to what checks, sinks and both logs have said. */
  async #heed(o: Pick<Hands, 'proofs' | 'verdicts' | 'back'>): Promise<void> {
    const { proofs, verdicts, back } = o;
    await proofs.judge(verdicts.take());
    await proofs.stuck(verdicts.takeStuck());
    await proofs.streamed(verdicts.streams.doubts());
    if (back === null) return;
    const tables = tablesOf(this.#context.job);
    await proofs.passedOver(back.view, tables);
    await proofs.halted(back.halts.standing(Date.now()), tables);
  }

  get #isOver(): boolean {
    const passage = passageOf(this.#context.view);
    return !['before', 'half-way', 'returned', 'cutting'].includes(passage);
  }

  #event(progress: ReadonlyMap<string, ProgressView>, proofs: ProofKeeper): PhaseEvent | null {
    const { job, view } = this.#context;
    if (this.#isOver) {
      const isEnded = [view.cutoverRun?.stage, view.handoverRun?.stage].includes('finished');
      return isEnded ? 'finished' : 'switched';
    }
    if (view.job?.phase === 'switched') return 'returned';
    if (view.job?.phase === 'copying') {
      return isCopied(this.#context, progress) ? 'copied' : null;
    }
    return proofs.proves(job.tables.map(t => t.name)) ? 'proven' : 'doubted';
  }

  async #step(writer: StateWriter, event: PhaseEvent | null): Promise<void> {
    const { view, log } = this.#context;
    if (view.job === null || event === null) return;
    const phase = nextPhase(view.job.phase, event);
    if (phase === view.job.phase) return;
    log.info({ from: view.job.phase, to: phase, event }, 'phase changes');
    const job = { ...view.job, phase, sinceMs: Date.now() };
    failpoint(FAILPOINTS.controlBeforePhase);
    await writer.put(stateKey.job, { job });
    failpoint(FAILPOINTS.controlAfterPhase);
  }

  /** Takes records of members that are long gone out of the report topic. */
  async #clear(keys: readonly string[]): Promise<void> {
    const { kafka, job } = this.#context;
    if (keys.length === 0) return;
    const writer = await kafka.writer({ mayBeRemade: true });
    const records = keys.map(key => ({ key: Buffer.from(key), value: null }));
    await writer.send(reportTopic(job.job), 0, records);
    writer.close();
  }

  #report(progress: ReadonlyMap<string, ProgressView>, waiting: readonly RunNote[]): void {
    const { view } = this.#context;
    this.#unit.set({
      state: 'running',
      counters: {
        ranges_total: countRanges(view.plans.values()),
        ranges_done: done(view.plans.values(), progress),
      },
      detail: { phase: view.job?.phase ?? null, repairs: waiting },
    });
  }
}
