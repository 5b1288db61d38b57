/**
 * The end of a round: everything at rest, then four judges that know nothing of one another: the
 * job's own word that it has drained, its checker, the oracle's dump of both sides, and consumers
 * that know nothing of us (one that has followed through the storm, one that replays the log).
 */

import { oracle } from '../support/oracle.ts';
import { differsFromSource, PlainConsumer } from '../support/plain-consumer.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Site } from './site.ts';
import { KEYS, ROUTE_COLUMN, TABLES } from './tables.ts';

export interface JudgedJob {
  site: Site;
  jobFile: string;
  job: string;
  /** Prefix of the topics. */
  source: string;
  database: string;
}

const DRAIN_MS = 300_000;
const LOOK_MS = 500;
const FOLLOW_MS = 60_000;
const VERIFY_SECONDS = 300;
const LISTED = 20;

export function topicsOf({ source, database }: JudgedJob): string[] {
  return TABLES.map(table => `${source}.${database}.${table}`);
}

export function openConsumer(job: JudgedJob, name: string): Promise<PlainConsumer> {
  const { brokers, registryUrl } = job.site.servers.endpoints();
  const groupId = `${job.job}-${name}`;
  return PlainConsumer.open({ brokers, registryUrl, groupId, topics: topicsOf(job) });
}

/** Waits until the job says that it has drained; a failure as text. */
export async function drained(
  job: JudgedJob,
  failure: () => string | undefined,
): Promise<string | undefined> {
  const end = performance.now() + DRAIN_MS;
  let last = '';
  while (performance.now() < end) {
    const found = failure();
    if (found !== undefined) return found;
    const { out, err } = await callReshard('status', job.jobFile, '--json');
    last = out || err;
    if (out.startsWith('{')) {
      const status = JSON.parse(out);
      const isCopied = status.tables.every((t: { complete: boolean }) => t.complete);
      if (status.drained === true && isCopied) {
        const parked = status.targets.map((t: { parked: number }) => t.parked);
        if (parked.every((n: number) => n === 0)) return undefined;
        last = `rows are parked at the end: ${parked.join(' and ')}`;
      }
    }
    await pause(LOOK_MS);
  }
  return `stuck: not drained ${DRAIN_MS / 1000} s after the storm:\n${last}`;
}

export async function verified(job: JudgedJob): Promise<string | undefined> {
  const timeout = String(VERIFY_SECONDS);
  const args = ['verify', job.jobFile, '--json', '--timeout', timeout] as const;
  const { code, out, err } = await callReshard(...args);
  return code === 0 ? undefined : `verify: exit code ${code}\n${out}${err}`;
}

export async function judged(job: JudgedJob): Promise<{ rows: number; failure?: string }> {
  const { site, database } = job;
  const verdict = await oracle({
    sources: [{ name: 'source', ...site.source.server.endpoint, database }],
    targets: site.targets.map(t => ({ name: t.name, ...t.server.endpoint, database })),
    tables: TABLES.map(name => ({ name, shardColumn: ROUTE_COLUMN })),
  });
  const rows = verdict.tables.reduce((sum, t) => sum + t.sourceRows, 0);
  if (rows === 0) return { rows, failure: 'oracle: the source is empty, nothing was tested' };
  if (verdict.equal) return { rows };
  const lines = verdict.tables.flatMap(t => [
    `  ${t.table}: ${t.differenceCount} of ${t.sourceRows} rows`,
    ...t.differences.slice(0, LISTED).map(d => `    ${d.key}: ${d.kind}`),
  ]);
  return { rows, failure: `oracle: source and targets differ\n${lines.join('\n')}` };
}

/** T1: the consumer's tables become equal to the source once it has read to the end. */
export async function followed(
  job: JudgedJob,
  consumer: PlainConsumer,
): Promise<string | undefined> {
  const end = performance.now() + FOLLOW_MS;
  for (;;) {
    if (consumer.error !== undefined) return `plain consumer: ${String(consumer.error)}`;
    const differing: string[] = [];
    for (const table of TABLES) {
      const topic = `${job.source}.${job.database}.${table}`;
      const rows = consumer.tables.get(topic) ?? new Map();
      const place = job.site.source.server.endpoint;
      const keys = await differsFromSource(rows, place, job.database, table, KEYS[table]);
      if (keys.length > 0) {
        differing.push(`  ${table}: ${keys.length} rows: ${keys.slice(0, LISTED).join(' ')}`);
      }
    }
    if (differing.length === 0) return undefined;
    if (performance.now() > end) return `plain consumer: differs\n${differing.join('\n')}`;
    await pause(LOOK_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
