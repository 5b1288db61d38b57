/** Doctor: the log. Brokers, their settings for transactions, and topics that exist already. */
import { isRegistered } from '../../../shared/codec/record-codec.ts';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { jobNameOf } from '../../../shared/job/state/identity.ts';
import { openState, refuseOtherFile } from '../../../shared/job/state/open.ts';
import type { TopicAdmin } from '../../../shared/kafka/admin.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import {
  progressTopic,
  reportTopic,
  stateTopic,
  tableTopic,
} from '../../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { ownerOf } from '../phase/source-owner.ts';
import { controlTopics, tableTopics } from '../phase/topic-plan.ts';
import { errorFinding } from './error-finding.ts';

/** What a request has besides the message. */
const REQUEST_OVERHEAD_BYTES = 1024 * 1024;

export interface KafkaReport {
  findings: Finding[];
  /** The job has been prepared: its topics hold its log. */
  prepared: boolean;
}

export async function checkKafka(job: Job, log: Logger): Promise<KafkaReport> {
  const where = `kafka (${job.kafka.brokers.join(', ')})`;
  const kafka = kafkaOf(job, log, 'reshard-doctor');
  try {
    const admin = await kafka.admin();
    const existing = new Set(await admin.listTopics());
    const prepared = existing.has(reportTopic(job.job));
    const state = await stateOf(job, kafka, log, existing);
    const owned = await checkOwners(job, kafka, state.jobId);
    const findings = [
      ...(await checkBrokers(admin, job, where)),
      ...state.findings,
      ...owned.findings,
      ...(await checkTopics(admin, job)),
      ...(prepared ? [] : await checkLeftovers(admin, job, existing, owned.free)),
    ];
    return { findings, prepared };
  } catch (e) {
    return { findings: [errorFinding(e, where)], prepared: false };
  } finally {
    await kafka.close();
  }
}

async function checkBrokers(admin: TopicAdmin, job: Job, where: string): Promise<Finding[]> {
  const { count, settings } = await admin.brokers();
  const findings: Finding[] = [];
  const { replication } = job.kafka;
  if (replication > count) {
    findings.push({
      level: 'blocker',
      code: 'kafka-replication',
      where,
      what: `kafka.replication is ${replication}, but there are ${count} brokers`,
      why: 'A topic cannot have more copies than there are brokers.',
      fix: `set \`kafka.replication: ${count}\` in the job file, or start more brokers`,
    });
  } else if (replication < 3 && count >= 3) {
    findings.push({
      level: 'warning',
      code: 'kafka-replication',
      where,
      what: `kafka.replication is ${replication} on ${count} brokers`,
      why: 'The loss of one broker loses the log, or stops it; the copy would start again.',
      fix: 'set `kafka.replication: 3` in the job file',
    });
  }
  findings.push(...checkRequestSize(job, settings, where));
  findings.push(...checkSessionTimeout(job, settings, where));
  for (const topic of ['transaction.state.log', 'offsets.topic']) {
    const name = `${topic}.replication.factor`;
    const copies = Number(settings[name] ?? 1);
    if (copies <= count) continue;
    findings.push({
      level: 'blocker',
      code: 'kafka-internal-replication',
      where,
      what: `${name} is ${copies}, but there are ${count} brokers`,
      why: 'Transactions and groups wait for this topic for ever.',
      fix: `put \`${name}=${count}\` into server.properties of each broker and restart it`,
    });
  }
  return findings;
}

/** A message goes out in one request; the setting's default is less than a message may have. */
function checkRequestSize(job: Job, settings: Record<string, string>, where: string): Finding[] {
  const limit = Number(settings['socket.request.max.bytes'] ?? Number.POSITIVE_INFINITY);
  const needed = job.options.maxMessageBytes + REQUEST_OVERHEAD_BYTES;
  if (needed <= limit) return [];
  return [
    {
      level: 'blocker',
      code: 'kafka-request-size',
      where,
      what: `socket.request.max.bytes is ${limit}; a message of options.maxMessageBytes needs ${needed}`,
      why: 'A broker closes the connection of a request above it; the row would never arrive.',
      fix: `put \`socket.request.max.bytes=${needed}\` into server.properties of each broker and restart it`,
    },
  ];
}

/** A broker refuses a member whose session is shorter or longer than it allows. */
function checkSessionTimeout(job: Job, settings: Record<string, string>, where: string): Finding[] {
  const least = Number(settings['group.min.session.timeout.ms'] ?? 0);
  const most = Number(settings['group.max.session.timeout.ms'] ?? Number.POSITIVE_INFINITY);
  const { sessionTimeoutMs } = job.options;
  if (sessionTimeoutMs >= least && sessionTimeoutMs <= most) return [];
  const [name, limit] =
    sessionTimeoutMs < least
      ? (['group.min.session.timeout.ms', least] as const)
      : (['group.max.session.timeout.ms', most] as const);
  return [
    {
      level: 'blocker',
      code: 'kafka-session-timeout',
      where,
      what: `options.sessionTimeoutMs is ${sessionTimeoutMs}; ${name} of the brokers is ${limit}`,
      why: 'Brokers refuse such a member: no service of the job would ever get work.',
      fix: `set \`sessionTimeoutMs: ${limit}\` under options in the job file, or put \`${name}=${sessionTimeoutMs}\` into server.properties of each broker and restart it`,
    },
  ];
}

function topicsOf(sources: readonly JobSource[], job: Job): string[] {
  return sources.flatMap(s => job.tables.map(t => tableTopic(s.name, s.database, t.name)));
}

async function checkTopics(admin: TopicAdmin, job: Job): Promise<Finding[]> {
  const { state, report, deadLetters, perSource } = controlTopics(job);
  const tables = topicsOf(job.sources, job).flatMap(topic => tableTopics(job, topic));
  const differences = await admin.check([state, report, deadLetters, ...perSource, ...tables]);
  return differences.map(({ topic, what, fix }) => ({
    level: 'blocker',
    code: 'topic-setting',
    where: `topic ${topic}`,
    what,
    why: 'Order, size or retention of the log would not be what the job relies on.',
    fix,
  }));
}

/** Whether the job that is there is that of the job file. */
async function stateOf(
  job: Job,
  kafka: KafkaLog,
  log: Logger,
  existing: ReadonlySet<string>,
): Promise<{ jobId: string; findings: Finding[] }> {
  const topic = stateTopic(job.job);
  const registry = registryOf(job);
  const isThere = existing.has(topic) && (await isRegistered(registry, 'state', `${topic}-value`));
  if (!isThere) return { jobId: '', findings: [] };
  try {
    await using state = await openState({ job, kafka, registry, log });
    const isMade = existing.has(reportTopic(job.job)) || state.view.drop !== null;
    const more = isMade ? refuseOtherFile(job, state.view) : [];
    const findings = more.map(
      ({ what, way }): Finding => ({
        level: 'warning',
        code: 'not-applied',
        where: `the job ${job.job}`,
        what: `${what}, and the job is without it`,
        why: 'The job goes on as it was made; nothing of the table is copied.',
        fix: way,
      }),
    );
    return { jobId: state.view.jobId, findings };
  } catch (e) {
    return { jobId: '', findings: [errorFinding(e, `the job ${job.job}`)] };
  }
}

/** The topics of a source belong to one job; `free` are the sources that have no other owner. */
async function checkOwners(
  job: Job,
  kafka: KafkaLog,
  jobId: string,
): Promise<{ findings: Finding[]; free: JobSource[] }> {
  const deps = { kafka, registry: registryOf(job) };
  const findings: Finding[] = [];
  const free: JobSource[] = [];
  for (const source of job.sources) {
    const owner = await ownerOf(deps, source.name);
    if (owner === null || (owner !== '' && owner === jobId)) {
      free.push(source);
      continue;
    }
    const whose =
      owner === ''
        ? 'was written by a version of Reshard before jobs had ids'
        : `belongs to the job ${jobNameOf(owner)} (${owner})`;
    findings.push({
      level: 'blocker',
      code: 'source-owned',
      where: `source ${source.name}`,
      what: `the topic ${progressTopic(source.name)} ${whose}`,
      why: 'The topics of a source have one writer and one progress: that of the job that owns them.',
      fix: 'name the source otherwise in this job file; or, with the job file of the other job, when that is done with: `reshard drop <its job file>`',
    });
  }
  return { findings, free };
}

/** Records of an earlier job under the same names would be applied before ours. */
async function checkLeftovers(
  admin: TopicAdmin,
  job: Job,
  existing: ReadonlySet<string>,
  sources: readonly JobSource[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const topic of topicsOf(sources, job)) {
    if (!existing.has(topic)) continue;
    const ranges = await admin.offsets(topic);
    if (ranges.every(r => r.latest === 0)) continue;
    findings.push({
      level: 'blocker',
      code: 'topic-not-empty',
      where: `topic ${topic}`,
      what: 'the topic holds records, but this job has never run',
      why: 'Old records would be applied first, and rows deleted since would come back.',
      fix: `name the source otherwise; or, if the records are of no job and nobody reads them: kafka-topics.sh --bootstrap-server ${job.kafka.brokers[0]} --delete --topic ${topic}`,
    });
  }
  return findings;
}
