/**
 * What a service tells of itself, once a second, on the report topic: status views need nothing
 * but Kafka. A report is information, never a resume point; one that cannot be sent is counted
 * and sent again with newer figures, since the next one replaces it.
 */
import type { RecordCodec } from '../codec/record-codec.ts';
import type { PlainWriter } from '../kafka/plain-writer.ts';
import { sleep } from '../runtime/clock.ts';
import { describeError } from '../runtime/error.ts';
import type { Logger } from '../runtime/log.ts';
import type { UnitState } from '../runtime/service.ts';

export interface Report {
  service: string;
  unit: string;
  member: string;
  tsMs: number;
  state: string;
  error: string | null;
  counters: Record<string, number>;
  detail: string;
}

export interface UnitReport {
  state?: string;
  error?: string | null;
  counters?: Record<string, number>;
  detail?: Record<string, unknown>;
}

const EVERY_MS = 1000;

/** The unit by which a process tells that it is there, whatever it works at. */
export const MEMBER_UNIT = 'member';

/**
 * Key of a report. A unit that one member has at a time, by a lease, has one record, that of its
 * owner; where several may work at once each has its own, else the newer would hide the others.
 */
export function reportKey(service: string, unit: string, member: string | null): string {
  return member === null ? `${service}/${unit}` : `${service}/${unit}@${member}`;
}

/** Whether the key is that of one member of several. */
export function isMemberKey(key: string): boolean {
  return key.lastIndexOf('@') > key.lastIndexOf('/');
}

type ReportWriter = Pick<PlainWriter, 'send'>;

export class Reporter {
  readonly #units = new Map<string, Required<UnitReport>>();
  readonly #sources = new Map<string, () => UnitReport>();
  readonly #shared = new Set([MEMBER_UNIT]);
  readonly #o: {
    service: string;
    member: string;
    topic: string;
    codec: RecordCodec<Report>;
    writer: ReportWriter;
    log: Logger;
  };

  constructor(o: {
    service: string;
    member: string;
    topic: string;
    codec: RecordCodec<Report>;
    writer: ReportWriter;
    log: Logger;
  }) {
    this.#o = o;
  }

  /** Merges new figures into the unit's report. */
  set(unit: string, r: UnitReport): void {
    const old = this.#units.get(unit) ?? {
      state: 'running',
      error: null,
      counters: {},
      detail: {},
    };
    this.#units.set(unit, {
      state: r.state ?? old.state,
      error: r.error === undefined ? old.error : r.error,
      counters: { ...old.counters, ...r.counters },
      detail: { ...old.detail, ...r.detail },
    });
  }

  /** Asks `figures` for the unit's report each time one is sent. */
  provide(unit: string, figures: () => UnitReport): void {
    this.#sources.set(unit, figures);
  }

  /** Several members may work at the unit at once: each tells of itself. */
  share(unit: string): void {
    this.#shared.add(unit);
  }

  /** The state of a supervised unit, in the words of the report. */
  unitState(unit: string, s: UnitState): void {
    const error = 'error' in s ? describeError(s.error) : null;
    this.set(unit, { state: s.state, error });
  }

  /** Another member owns the unit now: says nothing more of it. */
  forget(unit: string): void {
    this.#units.delete(unit);
    this.#sources.delete(unit);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.set(MEMBER_UNIT, {});
    while (!signal.aborted) {
      await this.flush();
      await sleep(EVERY_MS, signal);
    }
    this.set(MEMBER_UNIT, { state: 'stopped' });
    await this.flush();
  }

  async flush(): Promise<void> {
    const { service, member, topic, codec, writer, log } = this.#o;
    for (const [unit, figures] of this.#sources) this.set(unit, figures());
    const tsMs = Date.now();
    const records = [...this.#units].map(([unit, r]) => ({
      key: Buffer.from(reportKey(service, unit, this.#shared.has(unit) ? member : null)),
      value: codec.encode({
        service,
        unit,
        member,
        tsMs,
        state: r.state,
        error: r.error,
        counters: r.counters,
        detail: JSON.stringify(r.detail),
      }),
    }));
    if (records.length === 0) return;
    try {
      await writer.send(topic, 0, records);
    } catch (e) {
      log.warn(`report not sent, the next one replaces it: ${describeError(e)}`);
    }
  }
}
