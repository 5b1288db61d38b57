/**
 * The units that must be there by the plan of a job. One that nobody has ever reported is missing,
 * which no list of the reports alone can show.
 */
import type { Job } from '../../../shared/job/job.ts';

export interface UnitName {
  service: string;
  unit: string;
}

export function expectedUnits(job: Job): UnitName[] {
  const units: UnitName[] = [
    { service: 'binlog', names: job.sources.map(s => s.name) },
    { service: 'checker', names: ['full-check'] },
    { service: 'control', names: ['job'] },
    { service: 'sink', names: job.targets.flatMap(t => slots(t.name, job.options.partitions)) },
    { service: 'snapshot', names: job.sources.flatMap(s => [s.name, `repair/${s.name}`]) },
  ].flatMap(({ service, names }) => names.map(unit => ({ service, unit })));
  return units;
}

function slots(target: string, partitions: number): string[] {
  return Array.from({ length: partitions }, (_, slot) => `${target}/${slot}`);
}
