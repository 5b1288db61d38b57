/**
 * The units that must be there by the plan of a job. One that nobody has ever reported is missing,
 * which no list of the reports alone can show.
 */
import type { Job } from '../../../shared/job/job.ts';
import { isReturnJob } from '../../../shared/job/return-job.ts';

const OF_WAY_BACK = ['binlog', 'control', 'sink'];

export interface UnitName {
  service: string;
  unit: string;
}

/**
 * `carries`: rows are carried its way now; a cutover with a way back turns that. `isOver`: the
 * application has gone over, and both logs are compared no more.
 */
export function expectedUnits(job: Job, carries: boolean, isOver = false): UnitName[] {
  const sinks = carries ? job.targets.flatMap(t => slots(t.name, job.options.partitions)) : [];
  // A way back copies nothing, and what it carries is compared by the job itself.
  const all: { service: string; names: string[] }[] = [
    { service: 'binlog', names: job.sources.map(s => s.name) },
    { service: 'checker', names: ['full-check', ...(isOver ? [] : streamSlots(job))] },
    { service: 'control', names: ['job'] },
    { service: 'sink', names: sinks },
    { service: 'snapshot', names: job.sources.flatMap(s => [s.name, `repair/${s.name}`]) },
  ];
  return all
    .filter(({ service }) => !isReturnJob(job) || OF_WAY_BACK.includes(service))
    .flatMap(({ service, names }) => names.map(unit => ({ service, unit })));
}

/** Each compares a partition of every table by both logs. */
function streamSlots({ options }: Job): string[] {
  return options.streamingCheck ? slots('stream', options.partitions) : [];
}

function slots(target: string, partitions: number): string[] {
  return Array.from({ length: partitions }, (_, slot) => `${target}/${slot}`);
}
