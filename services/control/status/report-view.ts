/**
 * The report topic, followed: the latest word of every unit of every service.
 *
 * Who is gone: of the members that have told of a unit, those are shown that have spoken in the
 * last SILENT_MS and have not stopped. If there is none, the one that spoke last is shown, as
 * silent or stopped: somebody should be there and is not. All others have been replaced.
 */

import { MEMBER_UNIT, type Report } from '../../../shared/member/reporter.ts';
import type { MemberStatus, ServiceStatus } from './status.ts';

const SILENT_MS = 10_000;

export class ReportView {
  /** By `<service>/<unit>`, or `<service>/<unit>@<member>` where several members may work at it. */
  readonly reports = new Map<string, Report>();

  apply(key: string, report: Report | null): void {
    if (report === null) this.reports.delete(key);
    else this.reports.set(key, report);
  }

  of(service: string): Report[] {
    return [...this.reports.values()].filter(r => r.service === service);
  }

  /** Units of services, without their checks. */
  services(now: number): ServiceStatus[] {
    const units = [...this.reports.values()].filter(
      r => !r.unit.startsWith('verify-') && r.unit !== MEMBER_UNIT,
    );
    return shown(units, now).map(r => ({
      service: r.service,
      unit: r.unit,
      member: r.member,
      state: stateOf(r, now),
      error: r.error,
      ageSeconds: ageSeconds(r, now),
    }));
  }

  /** Processes of the job, those that stand by included. */
  members(now: number): MemberStatus[] {
    const members = [...this.reports.values()].filter(r => r.unit === MEMBER_UNIT);
    return shown(members, now).map(r => ({
      service: r.service,
      member: r.member,
      state: stateOf(r, now),
      ageSeconds: ageSeconds(r, now),
    }));
  }

  /** Sum of a counter over the units of a service that `pick` accepts. */
  sum(service: string, counter: string, pick: (r: Report) => boolean = () => true): number {
    let total = 0;
    for (const r of this.of(service)) if (pick(r)) total += r.counters[counter] ?? 0;
    return total;
  }
}

function shown(reports: readonly Report[], now: number): Report[] {
  const list: Report[] = [];
  const units = Map.groupBy(reports, r => `${r.service}/${r.unit}`);
  for (const unit of [...units.keys()].sort()) {
    const told = (units.get(unit) ?? []).sort((a, b) => (a.member < b.member ? -1 : 1));
    const here = told.filter(r => r.state !== 'stopped' && !isSilent(r, now));
    const last = told.reduce<Report | null>((x, r) => (x && x.tsMs > r.tsMs ? x : r), null);
    if (here.length > 0) list.push(...here);
    else if (last !== null) list.push(last);
  }
  return list;
}

function isSilent(r: Report, now: number): boolean {
  return now - r.tsMs > SILENT_MS;
}

function stateOf(r: Report, now: number): string {
  return r.state !== 'stopped' && isSilent(r, now) ? 'silent' : r.state;
}

function ageSeconds(r: Report, now: number): number {
  return Math.max(0, Math.round((now - r.tsMs) / 1000));
}
