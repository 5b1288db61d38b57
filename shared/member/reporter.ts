/**
 * What a service reports of itself, once a second and at once when somebody waits for it, on the
 * report topic: status views need nothing but Kafka, and control cures some halts by itself. A
 * report is information, never a resume point; one that cannot be sent is logged, and the next one
 * replaces it.
 *
 * A unit is identified by its incarnation, not by its name. A member that loses its lease and takes
 * it again builds the unit anew while the old one is still on its way to its end: that end, and
 * whatever the old one still says, must not touch what the new one reports.
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
  /** Which build of the unit in which process: no two have the same. */
  incarnation: string;
  tsMs: number;
  state: string;
  error: string | null;
  counters: Record<string, number>;
  detail: string;
  /** The job's id: a report of an earlier job of the same name says nothing of this one. */
  jobId?: string;
}

export interface UnitReport {
  state?: string;
  error?: string | null;
  counters?: Record<string, number>;
  detail?: Record<string, unknown>;
}

const EVERY_MS = 1000;
/**
 * A process that has slept for so long (stopped, or its machine suspended) has lost its leases and
 * does not know it yet: for one turn it reports nothing, since its units may be somebody else's.
 */
const SLEPT_MS = 3 * EVERY_MS;

/** The unit by which a process reports that it is there, whatever it works at. */
export const MEMBER_UNIT = 'member';

/** Of a sink that stands by: whether it could carry rows. Each member has its own. */
export const STANDBY_UNIT = 'standby';

/**
 * Key of a report. A unit that one member has at a time, by a lease, has one record, that of its
 * owner; where several may work at once each has its own, else the newer would hide the others.
 */
function reportKey(service: string, unit: string, member: string | null): string {
  return member === null ? `${service}/${unit}` : `${service}/${unit}@${member}`;
}

/** Whether the key is that of one member of several. */
export function isMemberKey(key: string): boolean {
  return key.lastIndexOf('@') > key.lastIndexOf('/');
}

type ReportWriter = Pick<PlainWriter, 'send'>;

export interface ReporterOptions {
  service: string;
  member: string;
  topic: string;
  codec: RecordCodec<Report>;
  jobId: string;
  writer: ReportWriter;
  log: Logger;
}

export interface UnitOptions {
  /** Several members may work at the unit at once: each has a record of its own. */
  shared?: boolean;
  /** Asked each time a report is sent. */
  progress?: () => UnitReport;
}

/** One incarnation of a unit. When it has ended, or there is a newer one, this does nothing. */
export interface ReportedUnit {
  /** Merges into what is reported. */
  set(r: UnitReport): void;
  /** The state of a supervised unit, in the words of the report. */
  state(s: UnitState): void;
  /** Somebody waits for what is reported: it is sent at once. */
  urge(): void;
  /** Ended in good order: one last report says so. */
  end(): void;
  /** Another member has it, or nobody needs it any more: nothing more is said of it. */
  forget(): void;
}

interface Entry {
  readonly name: string;
  readonly incarnation: string;
  readonly key: Buffer;
  readonly progress: () => UnitReport;
  report: Required<UnitReport>;
}

export class Reporter {
  /** The newest incarnation of each unit, by name. */
  readonly #units = new Map<string, Entry>();
  /** Ended ones whose last report is not sent yet. */
  readonly #ended = new Set<Entry>();
  readonly #startedMs = Date.now();
  readonly #o: ReporterOptions;
  #built = 0;
  /** Something is not to wait for its turn. */
  #news = Promise.withResolvers<void>();

  constructor(o: ReporterOptions) {
    this.#o = o;
  }

  /** A new incarnation; it takes the place of an older one of that name in this process. */
  unit(name: string, { shared = false, progress = () => ({}) }: UnitOptions = {}): ReportedUnit {
    const { service, member } = this.#o;
    this.#built++;
    const entry: Entry = {
      name,
      incarnation: `${member}/${this.#startedMs}/${this.#built}`,
      key: Buffer.from(reportKey(service, name, shared ? member : null)),
      progress,
      report: { state: 'running', error: null, counters: {}, detail: {} },
    };
    this.#units.set(name, entry);
    const whileCurrent = (work: () => void): void => {
      if (this.#units.get(name) === entry) work();
    };
    const set = (r: UnitReport): void => whileCurrent(() => merge(entry, r));
    return {
      set,
      state: s => {
        set({
          state: s.state,
          error: 'error' in s ? describeError(s.error) : null,
          detail: { halt: haltOf(s) },
        });
        if (s.state === 'halted') this.#news.resolve();
      },
      urge: () => this.#news.resolve(),
      end: () =>
        whileCurrent(() => {
          merge(entry, { ...entry.progress(), state: 'stopped', error: null });
          this.#units.delete(name);
          this.#ended.add(entry);
        }),
      forget: () => whileCurrent(() => this.#units.delete(name)),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const process = this.unit(MEMBER_UNIT, { shared: true });
    let at = performance.now();
    while (!signal.aborted) {
      const hasSlept = performance.now() - at > SLEPT_MS;
      at = performance.now();
      this.#news = Promise.withResolvers();
      if (!hasSlept) await this.flush();
      await Promise.race([sleep(EVERY_MS, signal), this.#news.promise]);
    }
    process.end();
    await this.flush();
  }

  async flush(): Promise<void> {
    const { topic, writer, log } = this.#o;
    for (const entry of this.#units.values()) merge(entry, entry.progress());
    const last = [...this.#ended];
    const records = [...last, ...this.#units.values()].map(entry => this.#record(entry));
    if (records.length === 0) return;
    try {
      await writer.send(topic, 0, records);
      for (const entry of last) this.#ended.delete(entry);
    } catch (e) {
      log.warn(`report not sent, the next one replaces it: ${describeError(e)}`);
    }
  }

  #record({ name, incarnation, key, report }: Entry): { key: Buffer; value: Buffer } {
    const { service, member, codec, jobId } = this.#o;
    const { state, error, counters } = report;
    const detail = JSON.stringify(report.detail);
    const tsMs = Date.now();
    const about = { service, unit: name, member, incarnation, tsMs, jobId };
    return { key, value: codec.encode({ ...about, state, error, counters, detail }) };
  }
}

/** Why a unit has halted, for programs: facts as JSON can say them. */
function haltOf(s: UnitState): { kind: string; context: Record<string, unknown> } | null {
  if (s.state !== 'halted') return null;
  const facts = Object.entries(s.error.context);
  const context = facts.map(([name, v]) => [name, typeof v === 'bigint' ? String(v) : v]);
  return { kind: s.error.kind, context: Object.fromEntries(context) };
}

function merge(entry: Entry, r: UnitReport): void {
  const old = entry.report;
  entry.report = {
    state: r.state ?? old.state,
    error: r.error === undefined ? old.error : r.error,
    counters: { ...old.counters, ...r.counters },
    detail: { ...old.detail, ...r.detail },
  };
}
