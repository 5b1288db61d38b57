/**
 * The fence of a server that the user's own command freezes and thaws. What it says is not taken at
 * its word: whether an ordinary account is refused is tried by the probe, before anything goes by
 * it, and that is what decides where the command says nothing (`unknown`).
 *
 *   freeze  0: it may be frozen; another code: it is not, or half; none in time: nobody knows
 *   thaw    0: writes are open; all else: it is tried again
 *   status  0: frozen; 3: not frozen; all else: nobody knows
 *
 * A session of a control that is gone ends with the next one's; a command that it has begun goes on.
 * So whoever thaws by another session looks once more when that command must have ended.
 */
import type { HookSetting } from '../../../shared/job/fence.ts';
import type { JobSource } from '../../../shared/job/job.ts';
import type { FrozenBy } from '../../../shared/job/state/cutover.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { claimServer, committed, openFenceSession } from './fence-session.ts';
import type { Fence, FenceState } from './site.ts';
import { type CommandOutcome, runCommand } from './user-command.ts';

type Deed = 'freeze' | 'thaw' | 'status';

interface HookFenceOptions {
  job: string;
  source: JobSource;
  siblings: readonly string[];
  hook: HookSetting;
  /** Of a server that is frozen, or may be; null: it is to be. */
  record: Pick<FrozenBy, 'atMs'> | null;
}

const NOT_FROZEN = 3;
/** It is asked inside the write stop, by steps that may take no longer than ASKING_S. */
const STATUS_S = 2;
/** From the look to the command. */
const BEGIN_MS = 10_000;

export class HookFence implements Fence {
  readonly source: string;
  /** What the command does may be of an address, as of a server. */
  readonly isSigned = true;
  readonly byHand: string;
  readonly #session: MysqlSession;
  readonly #o: HookFenceOptions;

  private constructor(session: MysqlSession, o: HookFenceOptions) {
    this.source = o.source.name;
    // Not the command: what is in it may be a secret, and this text is recorded.
    this.byHand = `RESHARD_FENCE=thaw RESHARD_SERVER=${o.source.name}, and the hook`;
    this.#session = session;
    this.#o = o;
  }

  static async open(o: HookFenceOptions): Promise<HookFence> {
    return new HookFence(await openFenceSession(o.job, o.source), o);
  }

  async look(): Promise<FenceState> {
    const serverUuid = await readServerUuid(this.#session);
    const said = await this.#run('status');
    const isFrozen = said.kind === 'done';
    const isKnown = isFrozen || said.code === NOT_FROZEN;
    return {
      serverUuid,
      isReadOnly: isFrozen,
      isFrozen,
      preparedXa: (await this.#session.query('XA RECOVER')).length,
      persisted: {},
      by: { kind: 'hook', locked: [], spared: [], atMs: this.#o.record?.atMs ?? Date.now() },
      ...(isKnown ? {} : { why: `status of the hook is not known: ${said.text}` }),
    };
  }

  claim(): Promise<boolean> {
    const { job, siblings } = this.#o;
    return claimServer(this.#session, job, siblings);
  }

  /** Also where nobody knows: the probe tells. */
  async freeze(): Promise<boolean> {
    const { kind, text } = await this.#run('freeze');
    if (kind !== 'failed') return true;
    throw new ReshardError('source', `freeze of the hook for ${this.source} has failed: ${text}`);
  }

  /** What a restart leaves of it is the command's. */
  async persist(): Promise<void> {}

  async lift(): Promise<void> {
    await this.#thaw();
    const { record, hook } = this.#o;
    if (record === null) return;
    // Clocks of machines differ: no longer than it can be.
    const longestMs = hook.seconds * 1000 + BEGIN_MS;
    const leftMs = Math.min(record.atMs + longestMs - Date.now(), longestMs);
    if (leftMs <= 0) return;
    await sleep(leftMs);
    await this.#thaw();
  }

  async #thaw(): Promise<void> {
    const { kind, text } = await this.#run('thaw');
    if (kind !== 'done') throw this.#frozen(`thaw of the hook is ${kind}: ${text}`);
    const now = await this.#run('status');
    if (now.code !== NOT_FROZEN) throw this.#frozen(`its status after thaw: ${now.text}`);
  }

  #frozen(why: string): ReshardError {
    return new ReshardError('source', `${this.source} may be frozen: ${why}`, {
      remedy: `mend the command, or run it by hand where control runs: ${this.byHand}`,
    });
  }

  /** Our account has to get through all the time; the standby of the sink tells if it does not. */
  async letSinkThrough(): Promise<void> {}

  position(): Promise<string> {
    return committed(this.#session);
  }

  /** Not by a session that the next control has ended. */
  async #run(deed: Deed): Promise<CommandOutcome> {
    await this.#session.query('SELECT 1');
    const { job, hook } = this.#o;
    const env = { RESHARD_JOB: job, RESHARD_SERVER: this.source, RESHARD_FENCE: deed };
    const seconds = deed === 'status' ? Math.min(STATUS_S, hook.seconds) : hook.seconds;
    return await runCommand({ command: hook.command, seconds, env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }
}
