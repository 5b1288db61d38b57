/**
 * A lease on numbered slots by group membership: sources, partitions and the control leader are
 * slots. The broker keeps the group; the first member spreads the slots (assign.ts).
 *
 * A rebalance disturbs only the slots that move: members rejoin with what they hold, and a slot
 * that goes to another is given up by its owner before anybody else gets it. Heartbeats run on a
 * timer of their own from the first join on, so slow work of the owner does not lose the lease.
 * When the broker has not been heard for the session timeout, `onLost` is called by our own clock:
 * another member may have the slots already. A lease is no fence: writers need one besides.
 */
import { Backoff } from '../runtime/backoff.ts';
import { sleep } from '../runtime/clock.ts';
import { asReshardError, ReshardError } from '../runtime/error.ts';
import type { Logger } from '../runtime/log.ts';
import { assignSlots, type Candidate } from './assign.ts';
import { CODE, isCoordinatorBusy, isCoordinatorMoved, refused } from './wire/error-code.ts';
import type { JoinAnswer, MemberPort } from './wire/member-port.ts';

export interface MemberOptions {
  groupId: string;
  slots: number;
  sessionTimeoutMs?: number;
  /** Longest time that `onAssigned` and `onRevoked` may take. */
  rebalanceTimeoutMs?: number;
  /** These slots are ours now, besides those that we hold already. */
  onAssigned(slots: number[]): Promise<void>;
  /** Give these slots up; another member gets them when the promise resolves. */
  onRevoked(slots: number[]): Promise<void>;
  /** All slots are gone, at once: somebody else may work on them already. */
  onLost(): void;
}

const SESSION_TIMEOUT_MS = 6_000;
const REBALANCE_TIMEOUT_MS = 30_000;
const HEARTBEAT_MAX_MS = 500;
const PAUSE = { minMs: 50, maxMs: 1_000 };
const LEAVE_TIMEOUT_MS = 1_000;

export class Member {
  readonly #port: MemberPort;
  readonly #options: Required<MemberOptions>;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #running: Promise<void>;
  #node: number | undefined;
  #memberId = '';
  #generation = -1;
  #owned: number[] = [];
  /** When the request was sent that the broker answered last. */
  #heardAt = performance.now();
  #joining = false;
  #beatSince: number | undefined;
  #rejoin = Promise.withResolvers<void>();

  constructor(port: MemberPort, o: MemberOptions, log: Logger) {
    this.#port = port;
    this.#options = {
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      ...o,
    };
    this.#log = log.child({ group: o.groupId });
    const beatMs = Math.min(HEARTBEAT_MAX_MS, this.#options.sessionTimeoutMs / 10);
    this.#timer = setInterval(() => this.#tick(), beatMs);
    this.#running = this.#run();
  }

  /** Slots that are ours now. */
  get slots(): readonly number[] {
    return this.#owned;
  }

  /** Gives all slots up in good order; others get them at once. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return this.#running;
    this.#stop.abort();
    this.#rejoin.resolve();
    // A join may wait for others for long.
    if (this.#joining) this.#port.reset();
    await this.#running;
    const owned = this.#owned;
    this.#owned = [];
    if (owned.length > 0) await this.#bounded(() => this.#options.onRevoked(owned)).catch(() => {});
    await this.#leave();
    clearInterval(this.#timer);
    this.#port.reset();
  }

  async #run(): Promise<void> {
    for (const backoff = new Backoff(PAUSE); !this.#stop.signal.aborted; ) {
      try {
        if (await this.#round()) {
          backoff.reset();
          await this.#rejoin.promise;
          continue;
        }
      } catch (e) {
        if (this.#stop.signal.aborted) return;
        const error = asReshardError(e);
        if (error.kind === 'unreachable') this.#node = undefined;
        else {
          this.#log.error({ kind: error.kind }, `cannot be a member now: ${error.message}`);
          this.#lose(error.message);
          await this.#leave();
        }
      }
      await backoff.wait(this.#stop.signal);
    }
  }

  /** One join and sync. True: settled until the next rebalance; false: try again soon. */
  async #round(): Promise<boolean> {
    this.#rejoin = Promise.withResolvers<void>();
    this.#node ??= await this.#port.coordinator(this.#options.groupId);
    if (this.#node === undefined) return false;
    const joined = await this.#join(this.#node);
    if (!joined) return false;
    const assignments = joined.leaderId === joined.memberId ? this.#spread(joined) : [];
    const sentAt = performance.now();
    const { code, assignment } = await this.#port.sync(this.#node, this.#membership(), assignments);
    this.#joining = false;
    if (code === CODE.REBALANCE_IN_PROGRESS) {
      this.#rejoin.resolve();
      return true;
    }
    if (code !== CODE.NONE) {
      this.#coordinatorCode('to settle a group', code);
      return false;
    }
    this.#heardAt = sentAt;
    await this.#settle(decodeSlots(assignment));
    return true;
  }

  async #join(node: number): Promise<JoinAnswer | undefined> {
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    const metadata = encodeClaim({ owned: this.#owned, generation: this.#generation });
    const request = { groupId, sessionTimeoutMs, rebalanceTimeoutMs, metadata };
    this.#joining = true;
    try {
      const answer = await this.#port.join(node, { ...request, memberId: this.#memberId });
      if (answer.code === CODE.MEMBER_ID_REQUIRED) {
        this.#memberId = answer.memberId;
        return await this.#join(node);
      }
      if (answer.code !== CODE.NONE) {
        this.#coordinatorCode('to join a group', answer.code);
        return undefined;
      }
      this.#memberId = answer.memberId;
      this.#generation = answer.generation;
      return answer;
    } catch (e) {
      this.#joining = false;
      throw e;
    }
  }

  #spread(joined: JoinAnswer): { memberId: string; assignment: Uint8Array }[] {
    const candidates: Candidate[] = joined.members.map(m => ({
      memberId: m.memberId,
      ...decodeClaim(m.metadata),
    }));
    const spread = assignSlots(this.#options.slots, candidates);
    return [...spread].map(([memberId, slots]) => ({ memberId, assignment: encodeSlots(slots) }));
  }

  /** Gives up what is no longer ours, then takes what is new. */
  async #settle(mine: readonly number[]): Promise<void> {
    const generation = this.#generation;
    const gone = this.#owned.filter(slot => !mine.includes(slot));
    const added = mine.filter(slot => !this.#owned.includes(slot));
    this.#log.debug({ mine, gone, added, generation }, 'slots assigned');
    if (gone.length > 0) {
      await this.#bounded(() => this.#options.onRevoked(gone));
      if (generation !== this.#generation) return;
      this.#owned = this.#owned.filter(slot => mine.includes(slot));
      this.#rejoin.resolve();
    }
    if (added.length > 0) {
      this.#owned = [...this.#owned, ...added].sort((a, b) => a - b);
      await this.#bounded(() => this.#options.onAssigned(added));
    }
  }

  async #bounded(work: () => Promise<void>): Promise<void> {
    const limit = new AbortController();
    const late = sleep(this.#options.rebalanceTimeoutMs, limit.signal).then(() => {
      if (limit.signal.aborted) return;
      throw new ReshardError('lease-lost', 'slots were not taken or given up in time');
    });
    try {
      await Promise.race([work(), late]);
    } finally {
      limit.abort();
    }
  }

  /** Heartbeat and watch: is the lease still ours by our own clock? */
  #tick(): void {
    const now = performance.now();
    const { sessionTimeoutMs } = this.#options;
    const limitMs = this.#joining ? 2 * sessionTimeoutMs : sessionTimeoutMs;
    if (this.#owned.length > 0 && now - this.#heardAt > limitMs) {
      this.#lose(`no answer from the broker for ${Math.round(now - this.#heardAt)} ms`);
      this.#port.reset();
      return;
    }
    if (this.#joining || this.#generation < 0) return;
    if (this.#beatSince === undefined) void this.#beat(now);
    else if (now - this.#beatSince > sessionTimeoutMs / 3) this.#port.reset();
  }

  async #beat(now: number): Promise<void> {
    this.#beatSince = now;
    const generation = this.#generation;
    try {
      this.#node ??= await this.#port.coordinator(this.#options.groupId);
      if (this.#node === undefined) return;
      const code = await this.#port.heartbeat(this.#node, this.#membership());
      if (generation !== this.#generation || this.#joining) return;
      if (code === CODE.NONE || code === CODE.REBALANCE_IN_PROGRESS) this.#heardAt = now;
      if (code === CODE.REBALANCE_IN_PROGRESS) this.#rejoin.resolve();
      else if (code !== CODE.NONE) this.#coordinatorCode('a heartbeat', code);
    } catch (e) {
      this.#node = undefined;
      this.#log.debug({ err: asReshardError(e).message }, 'heartbeat failed');
    } finally {
      this.#beatSince = undefined;
    }
  }

  /** What a code other than NONE means for the membership; throws for one that stays. */
  #coordinatorCode(what: string, code: number): void {
    this.#joining = false;
    if (isCoordinatorMoved(code)) this.#node = undefined;
    else if (code === CODE.UNKNOWN_MEMBER_ID || code === CODE.ILLEGAL_GENERATION) {
      this.#lose('the broker has taken us out of the group');
    } else if (!isCoordinatorBusy(code) && code !== CODE.REBALANCE_IN_PROGRESS) {
      throw refused(what, code, { group: this.#options.groupId });
    }
  }

  #lose(reason: string): void {
    const had = this.#owned;
    this.#owned = [];
    this.#memberId = '';
    this.#generation = -1;
    this.#rejoin.resolve();
    if (had.length === 0) return;
    this.#log.warn({ slots: had, reason }, 'lease lost');
    this.#options.onLost();
  }

  async #leave(): Promise<void> {
    if (this.#memberId === '' || this.#node === undefined) return;
    const leaving = this.#port.leave(this.#node, this.#membership()).catch(() => CODE.NONE);
    this.#memberId = '';
    this.#generation = -1;
    const limit = new AbortController();
    await Promise.race([leaving, sleep(LEAVE_TIMEOUT_MS, limit.signal)]);
    limit.abort();
  }

  #membership(): { groupId: string; generation: number; memberId: string } {
    const { groupId } = this.#options;
    return { groupId, generation: this.#generation, memberId: this.#memberId };
  }
}

interface Claim {
  owned: readonly number[];
  generation: number;
}

function encodeClaim(claim: Claim): Uint8Array {
  return Buffer.from(JSON.stringify(claim));
}

function decodeClaim(bytes: Buffer): Claim {
  const claim: unknown = JSON.parse(bytes.toString() || '{}');
  if (typeof claim !== 'object' || claim === null) return { owned: [], generation: -1 };
  const owned = 'owned' in claim ? numbers(claim.owned) : [];
  const generation = 'generation' in claim ? Number(claim.generation) : -1;
  return { owned, generation };
}

function encodeSlots(slots: readonly number[]): Uint8Array {
  return Buffer.from(JSON.stringify(slots));
}

function decodeSlots(bytes: Buffer): number[] {
  return bytes.length === 0 ? [] : numbers(JSON.parse(bytes.toString()));
}

function numbers(x: unknown): number[] {
  if (!Array.isArray(x)) return [];
  return x.filter(n => Number.isInteger(n));
}
