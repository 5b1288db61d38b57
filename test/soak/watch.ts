/**
 * What the job says of itself in the storm: `reshard status --watch`, started again when that has
 * taken it too. It answers questions about services; that rows arrive is told by the beat.
 */
import { hostname } from 'node:os';
import type { ServiceStatus, Status } from '../../services/control/status/status.ts';
import { StatusWatch } from '../support/reshard-cli.ts';
import type { Service } from './crew.ts';

const LOOK_MS = 100;
/** A view that has told nothing for so long is opened anew; the first word takes longer. */
const SILENT_MS = 20_000;
const FIRST_WORD_MS = 60_000;
const REOPEN_MS = 500;
/** A report that is this young is that of a live process. */
const FRESH_SECONDS = 2;

export class JobWatch implements AsyncDisposable {
  status: Status | undefined;
  /** When a status last came. */
  heardAt = performance.now();
  /** When the copy last made progress. */
  copiedAt = performance.now();
  /** How often the view had to be opened again. */
  reopened = 0;
  readonly #jobFile: string;
  readonly #running: Promise<void>;
  #copied = -1;
  #isOver = false;

  constructor(jobFile: string) {
    this.#jobFile = jobFile;
    this.#running = this.#follow();
  }

  get isCopied(): boolean {
    const tables = this.status?.tables ?? [];
    return tables.length > 0 && tables.every(t => t.complete);
  }

  /** Units that have halted, as text; undefined if there is none. */
  get halted(): string | undefined {
    const halted = this.status?.services.filter(s => s.state === 'halted') ?? [];
    if (halted.length === 0) return undefined;
    return halted.map(s => `${s.service}/${s.unit} has halted: ${s.error}`).join('\n');
  }

  /** The process that works for a service now. */
  active(service: Service): number | undefined {
    const unit = this.#live(service)[0];
    return unit === undefined ? undefined : pidOf(unit);
  }

  /**
   * Whether a process of the service that is not one of `dead` has told, since then, that it runs.
   */
  works(service: Service, dead: readonly number[], sinceMs: number): boolean {
    if (this.heardAt < sinceMs) return false;
    if (service === 'snapshot') return this.isCopied || this.copiedAt > sinceMs;
    return this.#live(service).some(s => !dead.includes(pidOf(s) ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  #live(service: Service): ServiceStatus[] {
    const units = this.status?.services.filter(s => s.service === service) ?? [];
    return units.filter(s => s.state === 'running' && s.ageSeconds <= FRESH_SECONDS);
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      await using view = StatusWatch.open(this.#jobFile);
      this.reopened++;
      let seen = 0;
      let patience = performance.now() + FIRST_WORD_MS;
      while (!this.#isOver && !view.isOver && performance.now() < patience) {
        if (view.count > seen && view.latest !== undefined) {
          this.#note(view.latest);
          seen = view.count;
          patience = performance.now() + SILENT_MS;
        }
        await new Promise(resolve => setTimeout(resolve, LOOK_MS));
      }
      if (view.isOver) await new Promise(resolve => setTimeout(resolve, REOPEN_MS));
    }
  }

  #note(status: Status): void {
    this.status = status;
    this.heardAt = performance.now();
    const copied = status.tables.reduce((sum, t) => sum + t.done, 0);
    if (copied > this.#copied) this.copiedAt = this.heardAt;
    this.#copied = copied;
  }
}

function pidOf({ member }: ServiceStatus): number | undefined {
  const [host, pid] = member.split(':');
  return host === hostname() ? Number(pid) : undefined;
}
