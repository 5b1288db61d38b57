/**
 * What a writer has written where, so that it notices when a log is not the one that it wrote to.
 * Requests to produce name a topic by its name alone (by id only from Kafka 4.0 on), and a broker
 * takes any sequence number of a producer that it has not met, so a topic that was deleted and made
 * again, or a log that lost its end, would be written on as if nothing had happened.
 *
 * Two checks. The topic's id, whenever the metadata is looked at, and it is looked at every few
 * seconds: another id that stays is another topic. And the offset of each acknowledged batch: it is
 * never below what was acknowledged before. A transactional writer makes both before it commits, so
 * nothing that went to a wrong log is ever seen.
 */
import { sleep } from '../runtime/clock.ts';
import { ReshardError } from '../runtime/error.ts';
import { cut, recreated } from './history.ts';

export interface TopicPort {
  topicId(topic: string): string | undefined;
  refresh(topics: readonly string[]): Promise<void>;
}

export interface WriteHistoryOptions {
  /** Between looks at the metadata. */
  lookMs?: number;
  /** How long another id must stay: a broker may be late to hear of changes. */
  confirmMs?: number;
}

const LOOK_MS = 5_000;
const CONFIRM_MS = 5_000;
const CONFIRM_EVERY_MS = 250;

export class WriteHistory {
  readonly #port: TopicPort;
  readonly #lookMs: number;
  readonly #confirmMs: number;
  readonly #ids = new Map<string, string>();
  /** Offset behind the last batch that was acknowledged, by topic and partition. */
  readonly #ends = new Map<string, number>();
  #lookedAt = performance.now();

  constructor(port: TopicPort, o: WriteHistoryOptions = {}) {
    this.#port = port;
    this.#lookMs = o.lookMs ?? LOOK_MS;
    this.#confirmMs = o.confirmMs ?? CONFIRM_MS;
  }

  /** Looks at the metadata when it is time, and compares the ids of all topics that were met. */
  async look(topics: ReadonlySet<string>): Promise<void> {
    if (performance.now() - this.#lookedAt > this.#lookMs) {
      this.#lookedAt = performance.now();
      await this.#refresh();
    }
    await this.compare(topics);
  }

  /** Throws if one of the topics is surely another than the one that was written to before. */
  async compare(topics: ReadonlySet<string>): Promise<void> {
    for (const topic of topics) {
      const seen = this.#port.topicId(topic);
      const known = this.#ids.get(topic);
      if (known === undefined && seen !== undefined) this.#ids.set(topic, seen);
      else if (known !== undefined && seen !== known) await this.#confirm(topic, known);
    }
  }

  /** A batch of `count` records was acknowledged at `base`. */
  acknowledged(topic: string, partition: number, base: number, count: number): void {
    const name = `${topic}/${partition}`;
    const end = this.#ends.get(name) ?? 0;
    if (base < end) {
      const place = { topic, partition, offset: end, topicId: this.#ids.get(topic) ?? null };
      throw cut(place, { endOffset: base });
    }
    this.#ends.set(name, base + count);
  }

  async #confirm(topic: string, known: string): Promise<void> {
    const end = performance.now() + this.#confirmMs;
    for (;;) {
      const seen = this.#port.topicId(topic);
      // No topic at all: the send itself says so, or meets the one that comes.
      if (seen === known || seen === undefined) return;
      if (performance.now() > end) throw recreated(this.#place(topic, known), seen);
      await sleep(CONFIRM_EVERY_MS);
      await this.#refresh();
    }
  }

  #place(topic: string, topicId: string) {
    const [name, offset = 0] = [...this.#ends].find(([n]) => n.startsWith(`${topic}/`)) ?? [''];
    return { topic, partition: Number(name.slice(topic.length + 1)), offset, topicId };
  }

  /** What cannot be reached now is met by the send as well, which knows what to do then. */
  async #refresh(): Promise<void> {
    try {
      await this.#port.refresh([...this.#ids.keys()]);
    } catch (e) {
      if (!(e instanceof ReshardError) || e.kind !== 'unreachable') throw e;
    }
  }
}
