/**
 * What `reshard status` says on real servers while one of them is away, a transaction of the log is
 * open, a member sleeps, or a topic has been deleted: never more than what is true.
 * Enforces I13.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../../shared/runtime/clock.ts';
import { servers } from '../../../test/support/dev.ts';
import { TcpProxy } from '../../../test/support/fault/tcp-proxy.ts';
import { type MysqlServer, sourceName, writeJobFile } from '../../../test/support/job-file.ts';
import { LoadClient } from '../../../test/support/load/client.ts';
import { createDatabase, fillSource } from '../../../test/support/load/fill.ts';
import {
  callReshard,
  type RunningCommand,
  StatusWatch,
  spawnReshard,
} from '../../../test/support/reshard-cli.ts';
import type { Status } from './status.ts';

const LIMIT_MS = 100_000;
/** More than all deadlines of a status together. */
const ANSWER_MS = 25_000;

const id = randomUUID().slice(0, 8);
const job = `status-${id}`;
const database = `status_${id}`;
const topic = `${sourceName(job, 0)}.${database}.customers`;
const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-status-'));
const upLog = path.join(dir, 'up.log');
const proxies: TcpProxy[] = [];
let jobFile: string;
let up: RunningCommand;
let watch: StatusWatch;
let kafka: Kafka;
let source: TcpProxy;
let target: TcpProxy;
let registry: TcpProxy;
let sql: LoadClient;

async function proxied(server: { host: string; port: number }): Promise<TcpProxy> {
  const proxy = await TcpProxy.open(server);
  proxies.push(proxy);
  return proxy;
}

beforeAll(async () => {
  const dev = servers();
  const { s1, t1 } = dev.mysql;
  if (s1 === undefined || t1 === undefined) throw new Error('s1 and t1 are needed');
  const url = new URL(dev.registryUrl);
  [source, target] = [await proxied(s1), await proxied(t1)];
  registry = await proxied({ host: url.hostname, port: Number(url.port) });
  url.port = String(registry.port);
  await fillSource({ endpoint: s1, database, source: 0, orders: 50, seed: 1 });
  await createDatabase(t1, database);
  const at = (server: MysqlServer, { host, port }: TcpProxy) => ({ ...server, host, port });
  jobFile = writeJobFile({
    dir,
    job,
    servers: { brokers: dev.brokers, registryUrl: url.href.replace(/\/$/, '') },
    sources: [at(s1, source)],
    targets: [at(t1, target)],
    database,
  });
  kafka = new Kafka({ brokers: dev.brokers, logLevel: logLevel.NOTHING });
  sql = await LoadClient.open(s1, database);
  up = spawnReshard(['up', jobFile, '--create-targets'], { log: upLog });
  watch = StatusWatch.open(jobFile);
  await seen('the job to be drained', s => s.headline.word === 'drained');
}, 180_000);

afterAll(async () => {
  for (const proxy of proxies) await proxy.heal();
  await watch?.[Symbol.asyncDispose]();
  up?.kill('SIGTERM');
  await up?.exited;
  await sql?.close();
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

/** A status of after this call. */
async function seen(what: string, is: (s: Status) => boolean): Promise<Status> {
  const from = watch.count;
  const probe = (): Status | undefined => {
    const { latest, count } = watch;
    return latest !== undefined && count > from && is(latest) ? latest : undefined;
  };
  return until(probe, { timeoutMs: LIMIT_MS, everyMs: 50, what }).catch(async cause => {
    const once = await callReshard('status', jobFile);
    const said = readFileSync(upLog, 'utf8').slice(-4000);
    throw new Error(`last: ${JSON.stringify(watch.latest)}\n${once.out}${once.err}\n${said}`, {
      cause,
    });
  });
}

async function once(): Promise<{ code: number; s: Status; ms: number }> {
  const began = performance.now();
  const { code, out, err } = await callReshard('status', jobFile, '--json');
  if (!out.startsWith('{')) throw new Error(err);
  const s: Status = JSON.parse(out);
  if (s.phase === undefined) throw new Error(out);
  return { code, s, ms: performance.now() - began };
}

const calm = (): Promise<Status> => seen('all to be well', s => s.headline.word === 'drained');

describe('the status of a job', { timeout: 150_000 }, () => {
  test('that is well ends with success, and its text with no warning', async () => {
    const { code, out } = await callReshard('status', jobFile);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^${job} {2}drained {2}phase following`));
    expect(out.match(/100 %/g)).toHaveLength(3);
    expect((await once()).s.services.filter(u => u.state !== 'running')).toEqual([]);
  });

  test('is not drained while records of an open transaction are in a table topic', async () => {
    const producer = kafka.producer({
      transactionalId: `${job}-open`,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ key: 'k', value: 'v', partition: 0 }] });
    const open = await seen('the open record', s => s.targets[0]?.lagRecords !== 0);
    expect(open.drained).toBe(false);
    expect(open.headline.word).toBe('flowing');
    await transaction.abort();
    await producer.disconnect();
    await calm();
  });

  test('is read without the registry, which is named', async () => {
    await registry.cut();
    const { code, s } = await once();
    await registry.heal();
    expect({ code, word: s.headline.word }).toEqual({ code: 1, word: 'registry-away' });
    expect(s.headline.text).toContain('schema registry');
    expect(s.drained).toBe(true);
    expect(s.tables.every(t => t.complete && t.done > 0)).toBe(true);
    expect(s.services.length).toBeGreaterThan(5);
    await calm();
  });

  test('says what it does not know of a target or source that is silent, and soon', async () => {
    await target.silence();
    const withoutTarget = await once();
    await target.heal();
    expect(withoutTarget.ms).toBeLessThan(ANSWER_MS);
    expect(withoutTarget.code).toBe(1);
    expect(withoutTarget.s.targets[0]).toMatchObject({ lagRecords: null, reachable: false });
    expect(withoutTarget.s.sources[0]).toMatchObject({ unknown: null, caughtUp: true });
    expect(withoutTarget.s.headline.text).toMatch(/unknown: target target1: unreachable/);

    await source.silence();
    const withoutSource = await once();
    await source.heal();
    expect(withoutSource.ms).toBeLessThan(ANSWER_MS);
    expect(withoutSource.s.sources[0]).toMatchObject({ lagSeconds: null, caughtUp: false });
    expect(withoutSource.s.sources[0]?.unknown).toMatch(/unreachable/);
    expect(withoutSource.s.headline.level).not.toBe('good');
    expect(withoutSource.s.drained).toBe(false);
    await calm();
  });

  test('of a member that sleeps is silent, and the lag grows meanwhile', async () => {
    const binlog = watch.latest?.members.find(m => m.service === 'binlog');
    const pid = Number(binlog?.member.split(':').at(-1));
    process.kill(pid, 'SIGSTOP');
    try {
      await sql.run("UPDATE customers SET name = CONCAT(name, 'x') LIMIT 1");
      const isBehind = (s: Status): boolean => (s.sources[0]?.lagSeconds ?? 0) > 0;
      const first = await seen('a lag', isBehind);
      expect(first.drained).toBe(false);
      const silent = await seen('silence', s => s.headline.word === 'silent');
      expect(silent.headline.text).toMatch(/^silent: binlog\//);
      const lag = (s: Status): number => s.sources[0]?.lagSeconds ?? 0;
      expect(lag(silent)).toBeGreaterThan(lag(first) + 5);
      const { code, s } = await once();
      expect(code).toBe(1);
      expect(lag(s)).toBeGreaterThan(lag(silent));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await calm();
  });

  test('names a deleted table topic, what that means and what to do', async () => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    await seen('the topic to be gone', s => s.topics.length > 0);
    const { code, out } = await callReshard('status', jobFile);
    expect(code).toBe(1);
    expect(out).toContain(`log-gone: topic ${topic}`);
    expect(out.replace(/\s+/g, ' ')).toMatch(
      new RegExp(`table customers of source .* of the job ${job}: it has been deleted.*remedy:`),
    );
    expect(out).not.toContain('100 %');
    expect((await once()).s.drained).toBe(false);
  });
});
