/** The report topic, followed: the latest word of every unit of every service. */

import type { Report } from '../../../shared/member/reporter.ts';
import type { ServiceStatus } from './status.ts';

/** A service that has said nothing for this long is shown as silent. */
const SILENT_MS = 10_000;

export class ReportView {
  readonly reports = new Map<string, Report>();

  apply(key: string, report: Report | null): void {
    if (report === null) this.reports.delete(key);
    else this.reports.set(key, report);
  }

  of(service: string): Report[] {
    return [...this.reports.values()].filter(r => r.service === service);
  }

  services(now: number): ServiceStatus[] {
    return [...this.reports.values()]
      .filter(r => !r.unit.startsWith('verify-'))
      .map(r => {
        const age = now - r.tsMs;
        const gone = age > SILENT_MS && r.state !== 'stopped';
        return {
          service: r.service,
          unit: r.unit,
          member: r.member,
          state: gone ? 'silent' : r.state,
          error: r.error,
          ageSeconds: Math.max(0, Math.round(age / 1000)),
        };
      })
      .sort((a, b) => `${a.service}/${a.unit}`.localeCompare(`${b.service}/${b.unit}`));
  }

  /** Sum of a counter over the units of a service that `pick` accepts. */
  sum(service: string, counter: string, pick: (r: Report) => boolean = () => true): number {
    let total = 0;
    for (const r of this.of(service)) if (pick(r)) total += r.counters[counter] ?? 0;
    return total;
  }
}
