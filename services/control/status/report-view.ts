/**
 * The report topic, followed: the latest report of every unit of every service.
 *
 * Whose report counts: of a unit that one member has at a time, that of its newest incarnation. A
 * member that wakes up after it has lost its lease may report once more before it knows: that is of
 * an incarnation that another one has replaced, and is passed over while the new one is heard.
 *
 * Who is gone: of the members that have reported a shared unit, those are shown that were heard in
 * the last SILENT_MS and have not stopped. If there is none, the one that was heard last is shown,
 * as silent or stopped: somebody should be there and is not. All others have been replaced.
 *
 * Age is measured by our own clock once we have heard a unit ourselves: a member whose clock is
 * wrong is neither silent for ever nor alive for ever.
 */

import { MEMBER_UNIT, type Report, STANDBY_UNIT } from '../../../shared/member/reporter.ts';
import type { UnitName } from './expected-units.ts';
import { SILENT_SECONDS } from './problem.ts';
import type { DifferingTable, MemberStatus, ServiceStatus } from './status.ts';

const SILENT_MS = SILENT_SECONDS * 1000;
const CHECK_UNIT = /^verify-/;

export interface ReportClock {
  /** Wall clock, for reports that were there before us. */
  now(): number;
  /** Our own, for those that we have heard come. */
  monotonic(): number;
}

const CLOCK: ReportClock = { now: () => Date.now(), monotonic: () => performance.now() };

export class ReportView {
  /** By `<service>/<unit>`, or `<service>/<unit>@<member>` where several members may work at it. */
  readonly reports = new Map<string, Report>();
  readonly #clock: ReportClock;
  readonly #heardAt = new Map<Report, number>();
  /** The incarnation that the present one has replaced, by key. */
  readonly #replaced = new Map<string, string>();
  #isLive = false;

  constructor(clock: ReportClock = CLOCK) {
    this.#clock = clock;
  }

  /** From now on reports arrive as they are sent. */
  live(): void {
    this.#isLive = true;
  }

  apply(key: string, report: Report | null): void {
    const old = this.reports.get(key);
    if (report !== null && old !== undefined && this.#isOutdated(key, old, report)) return;
    if (old !== undefined) this.#heardAt.delete(old);
    if (report === null) {
      this.reports.delete(key);
      this.#replaced.delete(key);
      return;
    }
    if (old !== undefined && old.incarnation !== report.incarnation) {
      this.#replaced.set(key, old.incarnation);
    }
    this.reports.set(key, report);
    if (this.#isLive) this.#heardAt.set(report, this.#clock.monotonic());
  }

  of(service: string): Report[] {
    return [...this.reports.values()].filter(r => r.service === service);
  }

  /**
   * Units of services, without their checks: those that are expected, missing ones included, and
   * others only while they are heard.
   */
  services(expected: readonly UnitName[], startedMs: number): ServiceStatus[] {
    const units = [...this.reports.values()].filter(
      r => !CHECK_UNIT.test(r.unit) && r.unit !== MEMBER_UNIT,
    );
    const wanted = new Set(expected.map(nameOf));
    const found = this.#shown(units).map(r => this.#unit(r));
    const known = new Set(found.map(nameOf));
    const missing = expected
      .filter(u => !known.has(nameOf(u)))
      .map(u => ({ ...u, member: '', state: 'missing', error: null, ...this.#since(startedMs) }));
    return [...found.filter(u => wanted.has(nameOf(u)) || isHere(u)), ...missing].sort(byName);
  }

  /** Processes of the job, those that stand by included. */
  members(): MemberStatus[] {
    return this.#shown(this.#processes()).map(r => this.#member(r));
  }

  /** Processes that have not said that they stop: one that is silent may wake up. */
  notStopped(): MemberStatus[] {
    return this.#processes()
      .filter(r => r.state !== 'stopped')
      .sort(byName)
      .map(r => this.#member(r));
  }

  /** Units of a service that are heard and have not stopped; one that stands by is none. */
  atWork(service: string): string[] {
    return this.services([], 0)
      .filter(u => u.service === service && u.unit !== STANDBY_UNIT)
      .map(u => `${service} ${u.unit} of ${u.member}`);
  }

  #processes(): Report[] {
    return [...this.reports.values()].filter(r => r.unit === MEMBER_UNIT);
  }

  #member(report: Report): MemberStatus {
    const { service, member, state, ageSeconds } = this.#unit(report);
    return { service, member, state, ageSeconds };
  }

  /** What the newest finished check that was asked for since then has found; for lack of proofs. */
  differing(requestedMs: (verifyId: string) => number, sinceMs: number): DifferingTable[] {
    const [newest] = this.of('checker')
      .filter(r => CHECK_UNIT.test(r.unit) && r.state === 'finished')
      .filter(r => requestedMs(r.unit) >= sinceMs)
      .sort((a, b) => (a.unit < b.unit ? 1 : -1));
    const differences = newest?.counters.differences ?? 0;
    return newest === undefined || differences === 0
      ? []
      : [{ table: '', verifyId: newest.unit, differences, truncated: false }];
  }

  /** Sum of a counter over the units of a service that `pick` accepts. */
  sum(service: string, counter: string, pick: (r: Report) => boolean = () => true): number {
    let total = 0;
    for (const r of this.of(service)) if (pick(r)) total += r.counters[counter] ?? 0;
    return total;
  }

  #isOutdated(key: string, present: Report, report: Report): boolean {
    const { incarnation } = report;
    if (incarnation === '' || incarnation !== this.#replaced.get(key)) return false;
    return !this.#isSilent(present);
  }

  #shown(reports: readonly Report[]): Report[] {
    const list: Report[] = [];
    for (const unit of Map.groupBy(reports, nameOf).values()) {
      const here = unit.filter(r => r.state !== 'stopped' && !this.#isSilent(r));
      const [last] = unit.sort((a, b) => this.#ageMs(a) - this.#ageMs(b));
      if (here.length > 0) list.push(...here);
      else if (last !== undefined) list.push(last);
    }
    return list.sort(byName);
  }

  #unit(r: Report): ServiceStatus {
    const { service, unit, member, error } = r;
    const state = r.state !== 'stopped' && this.#isSilent(r) ? 'silent' : r.state;
    return { service, unit, member, state, error, ageSeconds: seconds(this.#ageMs(r)) };
  }

  #isSilent(r: Report): boolean {
    return Math.abs(this.#ageMs(r)) > SILENT_MS;
  }

  /** Negative for a report from the future: its member's clock is wrong, or ours. */
  #ageMs(r: Report): number {
    const heardAt = this.#heardAt.get(r);
    return heardAt === undefined ? this.#clock.now() - r.tsMs : this.#clock.monotonic() - heardAt;
  }

  #since(startedMs: number): { ageSeconds: number } {
    return { ageSeconds: seconds(this.#clock.now() - startedMs) };
  }
}

function nameOf({ service, unit }: UnitName): string {
  return `${service}/${unit}`;
}

function byName(a: UnitName & { member: string }, b: UnitName & { member: string }): number {
  const [x, y] = [a, b].map(u => `${nameOf(u)}@${u.member}`);
  return (x ?? '') < (y ?? '') ? -1 : 1;
}

function isHere({ state }: ServiceStatus): boolean {
  return state !== 'silent' && state !== 'stopped';
}

function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / 1000));
}
