/**
 * `reshard apply` as a use case: what the job file says otherwise than the job is, which of it can
 * be taken up while the job runs, and the request for that.
 */
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import {
  changedFile,
  type IdentityChange,
  identityChanges,
  type JobIdentity,
  type TableIdentity,
  tableIdentities,
} from '../../../shared/job/state/identity.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import type { TopicAdmin, TopicSpec } from '../../../shared/kafka/admin.ts';
import { tableTopic } from '../../../shared/kafka/topic-name.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified } from '../../../shared/mysql/identifier.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { controlTopics, tableTopics } from '../phase/topic-plan.ts';
import { answerTo } from './answer.ts';
import type { JobLink } from './job-handle.ts';

export interface ApplyPlan {
  changes: IdentityChange[];
  added: TableIdentity[];
  /** Topics whose settings differ from what the file wants, with the differences in words. */
  topics: { spec: TopicSpec; what: string[] }[];
}

export async function planApply(
  job: Job,
  identity: JobIdentity,
  admin: TopicAdmin,
): Promise<ApplyPlan> {
  const changes = identityChanges(job, identity);
  const added = tableIdentities(job).filter(t => !identity.tables.some(k => k.name === t.name));
  const topics: ApplyPlan['topics'] = [];
  for (const spec of topicsOf(job, identity)) {
    const what = (await admin.check([spec])).map(d => d.what);
    if (what.length > 0) topics.push({ spec, what });
  }
  return { changes, added, topics };
}

/** Throws if something of the file cannot be had while the job lives. */
export function refuseChanges(job: Job, plan: ApplyPlan): void {
  const refused = plan.changes.filter(c => c.kind === 'refused');
  if (refused.length > 0) throw changedFile(job.job, refused);
}

export async function applyTopics(admin: TopicAdmin, plan: ApplyPlan): Promise<void> {
  for (const { spec } of plan.topics) await admin.setTopicConfig(spec.topic, spec.config);
}

/** Rows of a table on a target before its first copy would never be looked at again. */
export async function refuseFilledTargets(job: Job, plan: ApplyPlan): Promise<void> {
  for (const target of job.targets) {
    for (const { name } of plan.added) await refuseRows(target, name);
  }
}

/** Asks control to take the tables up, and waits for its answer; null when the time is up. */
export async function requestApply(
  link: JobLink,
  tables: TableIdentity[],
  by: string,
  isOver: () => boolean,
): Promise<{ id: string } | null> {
  const id = requestId('apply');
  await link.requests.apply({ id, requestedMs: Date.now(), by, tables });
  const answer = await answerTo(link, id, isOver);
  if (answer?.error) {
    throw new ReshardError('job-changed', `control refused the apply: ${answer.error}`, {
      remedy: 'cure what the message names, then `reshard apply <job file>` again',
    });
  }
  return answer && { id };
}

/** Those that exist: what is added is made as it has to be. */
function topicsOf(job: Job, identity: JobIdentity): TopicSpec[] {
  const { state, report, deadLetters, perSource } = controlTopics(job);
  const tables = job.sources.flatMap(s =>
    identity.tables.flatMap(t => tableTopics(job, tableTopic(s.name, s.database, t.name))),
  );
  return [state, report, deadLetters, ...perSource, ...tables];
}

async function refuseRows(target: JobTarget, table: string): Promise<void> {
  await using session = await MysqlSession.open(target, { role: 'admin', side: 'target' });
  const name = qualified(target.database, table);
  const { rows } = await session.rawQuery(`SELECT 1 FROM ${name} LIMIT 1`);
  if (rows === 0) return;
  throw new ReshardError('target-data', `the table ${name} on ${target.name} is not empty`, {
    context: { target: target.name, table },
    remedy: `empty it, if its rows are not needed: TRUNCATE TABLE ${name};`,
  });
}
