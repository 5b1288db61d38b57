/**
 * All checks before any work: sources, targets, the log, the registry, and each against the others.
 * Nothing is changed, unless `apply` asks to create missing target tables. One thing that cannot be
 * examined does not hide what is found about the rest.
 */
import type { Job } from '../../../shared/job/job.ts';
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

export async function runDoctor(job: Job, o: DoctorOptions): Promise<Finding[]> {
  const kafka = await checkKafka(job, o.log);
  const [mysql, registry] = await Promise.all([
    checkMysql(job, {
      log: o.log,
      createTargets: o.createTargets ?? false,
      apply: o.apply ?? false,
      resuming: kafka.prepared,
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
