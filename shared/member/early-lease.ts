/**
 * A membership that begins before its owner can work. A broker lets the first members of a new
 * group wait for others (three seconds by default), and the job is prepared in that time: joining
 * only then would add the one wait to the other. What is assigned meanwhile is kept, and handed
 * over when the owner says how it takes slots over.
 *
 * Only while nobody can work: slots that somebody holds without working on them are work left
 * undone. So who has to wait for anything else than the preparation gives them up (`giveUp`).
 */
import type { KafkaLog } from '../kafka/kafka.ts';
import type { Member, MemberOptions } from '../kafka/member.ts';

type Handlers = Pick<MemberOptions, 'onAssigned' | 'onRevoked' | 'onLost'>;

export class EarlyLease {
  readonly #kafka: Pick<KafkaLog, 'member'>;
  readonly #held = new Set<number>();
  #member: Promise<Member> | undefined;
  #handlers: Handlers | undefined;
  /** What was held is being taken over: later assignments come after it. */
  #taking: Promise<void> = Promise.resolve();

  constructor(kafka: Pick<KafkaLog, 'member'>) {
    this.#kafka = kafka;
  }

  /** Joins the group and keeps what is assigned. */
  begin(o: Pick<MemberOptions, 'groupId' | 'slots' | 'sessionTimeoutMs'>): void {
    this.#member ??= this.#kafka.member({
      ...o,
      onAssigned: async slots => {
        if (this.#handlers === undefined) for (const slot of slots) this.#held.add(slot);
        else await this.#taking.then(() => this.#handlers?.onAssigned(slots));
      },
      onRevoked: async slots => {
        if (this.#handlers === undefined) for (const slot of slots) this.#held.delete(slot);
        else await this.#taking.then(() => this.#handlers?.onRevoked(slots));
      },
      onLost: () => {
        this.#held.clear();
        this.#handlers?.onLost();
      },
    });
  }

  /** The owner can work now: with what is held already, or as a member that joins now. */
  async join(o: MemberOptions): Promise<Member> {
    if (this.#member === undefined) return this.#kafka.member(o);
    const held = [...this.#held];
    this.#held.clear();
    this.#handlers = o;
    if (held.length > 0) this.#taking = o.onAssigned(held);
    await this.#taking;
    // Whoever joins once more is a new member.
    const member = this.#member;
    this.#member = undefined;
    return member;
  }

  /** Others get the slots at once. Nothing to do if the owner has joined. */
  async giveUp(): Promise<void> {
    if (this.#handlers !== undefined) return;
    const member = this.#member;
    this.#member = undefined;
    this.#held.clear();
    await (await member)?.close();
  }
}
