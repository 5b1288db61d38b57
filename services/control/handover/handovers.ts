/**
 * Control's hand on handovers (records: shared/job/state/handover.ts).
 *
 *   gates -> covered -> [record: cutting] -> path -> cut -> drain -> read-only -> doubts
 *         -> [record: handing] -> own tables -> reset -> replica -> proof -> [record: finished]
 *
 * - Before `cutting` nothing is touched. From there to `handing` whatever fails, or a control that
 *   dies, is undone: the target takes our writes, is nobody's replica, and the log goes on.
 * - From `handing` on each step is decided by what the target says, and tried again until it is
 *   done: whoever leads goes on with it.
 * - The target has exactly the transactions of the log that has ended: the log has no other rows
 *   behind its position (services/binlog, Pipeline.cut), copies and repairs are whole and older
 *   than it (`covered`), and the sink has all of the log (`drain`) with no row waiting.
 */
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { Job } from '../../../shared/job/job.ts';
import type { CutoverRequest } from '../../../shared/job/state/cutover.ts';
import type { HandoverRun, HandoverStage } from '../../../shared/job/state/handover.ts';
import { type JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { settingsHash } from '../cutover/cutovers.ts';
import { type Gate, shutGates, shutText } from '../cutover/gate.ts';
import { passageOf, refusal } from '../cutover/verb.ts';
import { contentGates } from './handover-gate.ts';
import type { HandoverSite } from './replica-site.ts';

export interface HandoversDeps {
  job: Job;
  view: Pick<JobView, 'handoverRun' | 'cutoverRun' | 'cutovers' | 'applied'>;
  log: Logger;
  site: HandoverSite;
  /** Of the one source. */
  progress: () => Pick<ProgressView, 'resume'> | undefined;
  put(key: string, record: Partial<StateRecord>): Promise<void>;
  note(what: string | null): void;
  gates(): Promise<Gate[]>;
  /** What log and target lack of these transactions of the source; null: nothing. */
  lacks(gtid: string): Promise<string | null>;
  /** Tables that are not proven equal any more; null: none. */
  doubts(): Promise<string | null>;
  /** Units of sinks that are heard, and carry rows by what they say. */
  sinks(): string[];
  isStopped(): boolean;
  sleep(ms: number): Promise<void>;
}

const POLL_MS = 50;
const AGAIN_MS = 3000;
const STALE_MS = 60_000;

export class Handovers {
  readonly #d: HandoversDeps;
  #againAt = 0;

  constructor(deps: HandoversDeps) {
    this.#d = deps;
  }

  async step(): Promise<void> {
    const { view, note } = this.#d;
    try {
      const known = view.handoverRun;
      if (known?.stage === 'cutting') await this.#undo(known, firstWhy(known));
      if (view.handoverRun?.stage === 'handing') await this.#hand(view.handoverRun);
      for (const request of openHandovers(view)) await this.#carryOut(request);
    } finally {
      note(null);
    }
  }

  /** A request that is handing is answered once it is finished. */
  async #carryOut(request: CutoverRequest): Promise<void> {
    const known = this.#d.view.handoverRun;
    if (known?.id === request.id) {
      if (known.stage === 'undone') await this.#answer(request, `it was undone: ${known.why}`);
      if (known.stage === 'finished') await this.#answer(request, null);
      return;
    }
    // Another one asks for what is under way: a rerun.
    if (known?.stage === 'handing') return;
    if (known?.stage === 'finished') return await this.#answer(request, null);
    const why = await this.#begin(request);
    // Not undone yet: answered when it is.
    const { handoverRun: now } = this.#d.view;
    if (now?.id === request.id && now.stage === 'cutting') return;
    if (why !== null) await this.#answer(request, why);
    else if (this.#d.view.handoverRun?.stage === 'handing')
      await this.#hand(this.#d.view.handoverRun);
  }

  /** Null when it is past the point of no return. */
  async #begin({ id, by, requestedMs, settings }: CutoverRequest): Promise<string | null> {
    const d = this.#d;
    const { job, view, log, site } = d;
    if (Math.abs(Date.now() - requestedMs) > STALE_MS) return 'it was asked for too long ago';
    if (settings !== settingsHash(job)) {
      return 'control was started with another `handover` or `cutover` in its job file: restart it';
    }
    // A cutover that was asked for at the same time has gone first.
    const passed = refusal('handover', passageOf(view));
    if (passed !== null) return `handover is refused: ${passed}`;
    d.note('gates');
    const shut = shutGates(await d.gates());
    if (shut.length > 0) return shutText(shut);
    const covered = await this.#covered().catch(e => describeError(e));
    if (covered !== null) return covered;
    const { source, target } = await site.facts();
    const now = Date.now();
    const number = (view.handoverRun?.number ?? 0) + 1;
    const made = { id, number, by, startedMs: now, gtid: '', why: null };
    const uuids = { sourceUuid: source.uuid, targetUuid: target.uuid };
    const run: HandoverRun = { ...made, ...uuids, stage: 'cutting', stageMs: now };
    await this.#put(run);
    failpoint(FAILPOINTS.handoverCutting);
    log.info({ handover: id, by }, 'a handover begins');
    try {
      const gtid = await this.#cut(run);
      await this.#put(moved({ ...run, gtid }, 'handing'));
    } catch (e) {
      if (e instanceof ReshardError && e.kind === 'fenced') throw e;
      await this.#undo(run, describeError(e));
      return `it was undone: ${describeError(e)}`;
    }
    failpoint(FAILPOINTS.handoverHanding);
    return null;
  }

  /** What a copy or a repair has read is in the log up to here. */
  async #covered(): Promise<null> {
    const position = await this.#d.site.sourcePosition();
    await this.#wait('covered', this.#settings.drainSeconds, async () => {
      const has = this.#d.progress()?.resume?.gtid ?? '';
      return covers(has, position) ? null : 'the log lacks what the source has';
    });
    return null;
  }

  async #cut(run: HandoverRun): Promise<string> {
    const { job, site, progress, doubts, lacks } = this.#d;
    const { drainSeconds, connectSeconds } = this.#settings;
    await site.configure(progress()?.resume?.file || null);
    await site.startReplica('io');
    await this.#wait('path', connectSeconds, async () => {
      const { replica } = await site.look('');
      const met = replica?.sourceUuid ?? '';
      // Whatever another server has would be applied, behind the point of no return.
      if (met !== '' && met !== run.sourceUuid) {
        throw new ReshardError('config', `the target meets another server there: ${met}`, {
          remedy: 'give `handover.sourceHost` and `sourcePort` as the target reaches the source',
        });
      }
      return met !== '' && replica?.isSent === true
        ? null
        : `the target does not reach the source: ${replica?.error || 'connecting'}`;
    });
    await site.forgetReplica();
    await this.#wait('cut', drainSeconds, async () =>
      progress()?.resume?.handover === run.number ? null : 'the log has not ended yet',
    );
    const resume = progress()?.resume;
    const gtid = resume?.gtid ?? '';
    if (gtid === '' || resume?.partialGtid) throw new ReshardError('bug', 'the log is cut inside');
    await this.#wait('drain', drainSeconds, () => lacks(gtid));
    // Fenced here if another control leads by now: nobody would open the target again.
    await this.#put(run);
    await site.setReadOnly(true, false);
    const left = (await lacks(gtid)) ?? (await doubts());
    if (left !== null) throw new ReshardError('target-data', left);
    const end = progress()?.resume;
    if (end?.handover !== run.number || end.gtid !== gtid) {
      throw new ReshardError('source', 'the log has gone on: a member of another version?');
    }
    // Tables and indexes that have come since the gates: their statements are in the transactions.
    const now = await site.facts();
    const unlike = shutGates(contentGates(job, now.source, now.target));
    if (unlike.length > 0) throw new ReshardError('target-data', shutText(unlike));
    if (!(await site.hasLogBehind(gtid))) {
      throw new ReshardError('source', 'the source has purged what comes behind', {
        remedy: 'raise binlog_expire_logs_seconds, then again',
      });
    }
    const { uuid, executed } = await site.look(gtid);
    if (uuid !== run.targetUuid) throw new ReshardError('target', `another server: ${uuid}`);
    const alien = executed.split(',').find(part => part !== '' && !part.startsWith(uuid));
    if (alien !== undefined) throw new ReshardError('target-data', `not of the target: ${alien}`);
    return gtid;
  }

  /** Throws when the servers cannot be asked: it stays half way, and is undone by the next step. */
  async #undo(run: HandoverRun, why: string): Promise<void> {
    const { site, log, note } = this.#d;
    note('undo');
    try {
      const { uuid, replica } = await site.look('');
      // Of a server that was lost nothing is to be taken back: the log must not wait for it.
      if (uuid !== run.targetUuid) log.warn({ handover: run.id }, `another server: ${uuid}`);
      else {
        if (replica?.isOurs) await site.forgetReplica();
        await site.setReadOnly(false, false);
      }
    } catch (e) {
      const text = `${why}${NOT_YET}${describeError(e)}`;
      log.error({ handover: run.id }, text);
      if (this.#d.view.handoverRun?.why !== text) await this.#put({ ...run, why: text });
      await this.#d.sleep(AGAIN_MS);
      return;
    }
    await this.#put({ ...moved(run, 'undone'), why });
    log.warn({ handover: run.id }, `the handover is undone: ${why}`);
  }

  /** Again and again, until it is done. */
  async #hand(run: HandoverRun): Promise<void> {
    const { log, isStopped } = this.#d;
    if (performance.now() < this.#againAt || isStopped()) return;
    try {
      await this.#becomeReplica(run);
      await this.#prove(run);
    } catch (e) {
      if (e instanceof ReshardError && e.kind === 'fenced') throw e;
      this.#againAt = performance.now() + AGAIN_MS;
      const why = describeError(e);
      if (why === this.#d.view.handoverRun?.why) return;
      log.error({ handover: run.id }, `the target is no replica yet: ${why}`);
      await this.#put({ ...run, why });
      return;
    }
    log.info({ handover: run.id }, 'the target is a replica of the source');
    await this.#put({ ...moved(run, 'finished'), why: null });
    for (const request of openHandovers(this.#d.view)) await this.#answer(request, null);
  }

  /** By what the target says: once it reads the log of the source its history stays as it is. */
  async #becomeReplica(run: HandoverRun): Promise<void> {
    const { gtid, targetUuid } = run;
    const { site, note } = this.#d;
    note('replica');
    let now = await site.look(gtid);
    if (now.uuid !== targetUuid) {
      throw new ReshardError('target', `another server answers at its address: ${now.uuid}`);
    }
    const isMade = now.replica?.isOurs === true && now.covers && now.own.length === 0;
    if (!isMade) {
      // Fenced here if another control leads by now: it may have made a replica that runs.
      await this.#put(run);
      if (now.replica !== null) await site.forgetReplica();
      await site.setReadOnly(true, true);
      if (now.own.length > 0) await this.#untilSinksRest();
      // A sink that wakes up later still makes its tables anew while the target is open.
      while (now.own.length > 0) {
        await this.#put(run);
        await site.dropOwn(now.own);
        now = await site.look(gtid);
      }
      failpoint(FAILPOINTS.handoverBeforeReset);
      // What covers them is reset already, and may have gone on by replication since.
      if (!now.covers) await site.resetTo(gtid);
      failpoint(FAILPOINTS.handoverAfterReset);
      await site.configure(null);
    }
    const { replica } = await site.look(gtid);
    if (replica?.io !== 'Yes' || replica.sql !== 'Yes') await site.startReplica('all');
    await this.#wait('replica', this.#settings.connectSeconds, async () => {
      const { replica: r } = await site.look(gtid);
      return r?.io === 'Yes' && r.sql === 'Yes' ? null : `replication: ${r?.error || 'connecting'}`;
    });
  }

  /** One that does not know yet would bring rows while its tables are dropped. */
  #untilSinksRest(): Promise<void> {
    return this.#wait('own tables', this.#settings.drainSeconds, async () => {
      const carrying = this.#d.sinks();
      return carrying.length === 0 ? null : `still at work: ${carrying.join(', ')}`;
    });
  }

  async #prove(run: HandoverRun): Promise<void> {
    const { site } = this.#d;
    await site.writeProof(run.id);
    failpoint(FAILPOINTS.handoverProof);
    await this.#wait('proof', this.#settings.drainSeconds, async () =>
      (await site.seesProof(run.id)) ? null : 'a row of the source has not come yet',
    );
    await site.dropProof();
  }

  async #wait(step: string, seconds: number, lacks: () => Promise<string | null>): Promise<void> {
    const { note, sleep, isStopped } = this.#d;
    const end = performance.now() + seconds * 1000;
    for (;;) {
      if (isStopped()) throw new ReshardError('target', 'control ends, or has lost its lease');
      const missing = await lacks();
      if (missing === null) return;
      note(`${step}: ${missing}`);
      if (performance.now() > end) {
        throw new ReshardError('target', `${step}: not within ${seconds} s: ${missing}`);
      }
      await sleep(POLL_MS);
    }
  }

  get #settings(): NonNullable<Job['handover']> {
    const { handover } = this.#d.job;
    if (handover !== undefined) return handover;
    throw new ReshardError('config', 'the job file of control has no `handover` any more', {
      remedy: 'put it back, and start control again',
    });
  }

  #put(handoverRun: HandoverRun): Promise<void> {
    return this.#d.put(stateKey.handoverRun, { handoverRun });
  }

  async #answer({ id }: CutoverRequest, error: string | null): Promise<void> {
    const applied = { id, doneMs: error === null ? Date.now() : null, error };
    await this.#d.put(stateKey.applied(id), { applied });
    if (error !== null) this.#d.log.warn({ request: id }, `refused: ${error}`);
  }
}

const NOT_YET = '; not undone yet: ';

/** What it failed by, whatever its undoing fails by. */
function firstWhy({ why }: HandoverRun): string {
  return why?.split(NOT_YET)[0] ?? 'the control that began it is gone';
}

function moved(run: HandoverRun, stage: HandoverStage): HandoverRun {
  return { ...run, stage, stageMs: Date.now() };
}

function covers(has: string, position: string): boolean {
  return GtidSet.parse(has, 'mysql').covers(GtidSet.parse(position, 'mysql'));
}

function openHandovers({ cutovers, applied }: HandoversDeps['view']): CutoverRequest[] {
  return [...cutovers.values()].filter(r => r.action === 'handover' && !applied.has(r.id));
}
