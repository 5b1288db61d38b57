/**
 * All checks before any work: sources, targets, the log, the registry, and each against the others.
 * Nothing is changed, unless `apply` asks to create missing target tables. One thing that cannot be
 * examined does not hide what is found about the rest.
 */
import type { Job } from '../../../shared/job/job.ts';
import { isReturnJob, returnJob } from '../../../shared/job/return-job.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { checkKafka } from './kafka-check.ts';
import { checkMysql } from './mysql-check.ts';
import { checkRegistry } from './registry-check.ts';

export interface DoctorOptions {
  log: Logger;
  /** Tables that a target lacks are no blocker: they will be created. */
  createTargets?: boolean;
  /** Create them now, if nothing is wrong with the sources. */
  apply?: boolean;
}

/** What is missing on targets and will be created: `createTables` does it. */
const CREATED: readonly string[] = ['target-database-missing', 'target-table-missing'];

/** Of the job, and of its way back if it has one. */
export async function runDoctor(job: Job, o: DoctorOptions): Promise<Finding[]> {
  const findings = await examine(job, o);
  const back = returnJob(job);
  if (back === null) return findings;
  // A target that lacks tables is told of already; control looks again when it has made them.
  if (findings.some(f => CREATED.includes(f.code))) return [...findings, LATER];
  return [...findings, ...(await examineWayBack(back, o))];
}

const LATER: Finding = {
  level: 'info',
  code: 'way-back-later',
  where: 'way back',
  what: 'is examined when the targets have their tables, before anything is copied',
  why: 'The way back reads the binary log of these tables, and writes to those of the sources.',
  fix: '',
};

/** The sources as they are written to, the targets as they are read. */
export async function examineWayBack(back: Job, o: DoctorOptions): Promise<Finding[]> {
  const found = await examine(back, { log: o.log });
  return found.map(f => ({ ...f, where: `way back: ${f.where}` }));
}

async function examine(job: Job, o: DoctorOptions): Promise<Finding[]> {
  const kafka = await checkKafka(job, o.log);
  const [mysql, registry] = await Promise.all([
    checkMysql(job, {
      log: o.log,
      createTargets: o.createTargets ?? false,
      apply: o.apply ?? false,
      // The rows are on both sides of a way back.
      resuming: kafka.prepared || isReturnJob(job),
    }),
    checkRegistry(job, o.log),
  ]);
  return [...mysql, ...kafka.findings, ...registry];
}

/** Creates what targets lack, by an examination that found no blocker; what is wrong then. */
export async function createTables(
  job: Job,
  found: readonly Finding[],
  log: Logger,
): Promise<Finding[]> {
  if (!found.some(f => CREATED.includes(f.code))) return [];
  return checkMysql(job, { log, createTargets: true, apply: true, resuming: false });
}

export function blockers(findings: readonly Finding[]): Finding[] {
  return findings.filter(f => f.level === 'blocker');
}
