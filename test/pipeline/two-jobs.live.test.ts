/**
 * I12: no durable record is adopted by a job that it does not name. The topics of a source belong
 * to one job; a second one under the same source name is refused before it writes anything, and
 * `reshard drop` of the first makes room for it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { registerStatic } from '../../services/control/phase/prepare.ts';
import { controlTopics } from '../../services/control/phase/topic-plan.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import { stateKey } from '../../shared/job/state/job-view.ts';
import { progressCodec, stateCodec } from '../../shared/job/state/open.ts';
import { controlWriter } from '../../shared/job/state/record-writer.ts';
import { progressTopic } from '../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../shared/member/context.ts';
import type { Finding } from '../../shared/mysql/finding.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { LoadClient } from '../support/load/client.ts';
import { LOAD_TABLES } from '../support/load/tables.ts';
import { callReshard, spawnReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

let mysql: Servers;
let first: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  first = await ShopJob.prepare({ mysql, orders: 500 });
  first.start(...SERVICES);
  await first.copied();
  await first.drained();
  const drop = await callReshard('drop', first.jobFile, '--yes');
  expect(drop.code, drop.out).toBe(2);
  expect(drop.err).toMatch(/members of the job .* are alive: .*binlog/);
  for (const service of SERVICES) await first.end(service, 'SIGTERM');
}, 4 * MINUTES);

afterAll(async () => {
  await first?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

/** The same job under another name: its targets are databases of their own, which are empty. */
async function secondJob(): Promise<{ name: string; file: string; database: string }> {
  const file = path.join(first.dir, 'second.yaml');
  const name = `${first.name}-second`;
  const database = `${first.database}_second`;
  const job = parse(readFileSync(first.jobFile, 'utf8'));
  const targets = job.targets.map((t: object) => ({ ...t, database }));
  writeFileSync(file, stringify({ ...job, job: name, targets }));
  return { name, file, database };
}

async function rowsOn(database: string): Promise<number> {
  let rows = 0;
  for (const target of first.targets) {
    const client = await LoadClient.open(target);
    for (const table of LOAD_TABLES) {
      rows += await client.run(`SELECT 1 FROM ${database}.${table}`).catch(() => 0);
    }
    await client.close();
  }
  return rows;
}

it(
  'a second job under a source name of a finished one copies nothing, and says whose it is',
  async () => {
    const second = await secondJob();
    const doctor = await callReshard('doctor', second.file, '--json', '--create-targets');
    const { findings }: { findings: Finding[] } = JSON.parse(doctor.out);
    const owned = findings.find(f => f.code === 'source-owned');
    expect(owned?.what).toContain(`belongs to the job ${first.name}`);
    expect(findings.map(f => f.fix).join()).not.toContain('kafka-topics.sh');
    // Whoever deletes the topics all the same meets the records that are left.
    await first.deleteTopics(LOAD_TABLES.map(table => first.topic(table)));
    const up = await callReshard('up', second.file, '--create-targets', '--quiet');
    expect(up.code, up.err).toBe(3);
    expect(up.err).toContain(first.name);
    expect(await rowsOn(second.database)).toBe(0);
  },
  2 * MINUTES,
);

it(
  'what a version before ids has left is refused, and gone after a drop',
  async () => {
    const file = path.join(first.dir, 'old.yaml');
    const name = `${first.name}-old`;
    const text = parse(readFileSync(first.jobFile, 'utf8'));
    const sources = text.sources.map((s: object) => ({ ...s, name: `${name}-s1` }));
    writeFileSync(file, stringify({ ...text, job: name, sources }));
    await leaveOldState(file);
    const target = await first.sql(0);
    const comment = `reshard: the source of each row of orders, job ${name}#000000000000`;
    await target.run(`CREATE TABLE reshard_owner_1 (id INT PRIMARY KEY) COMMENT='${comment}'`);
    await target.run('CREATE TABLE reshard_owner_2 (id INT PRIMARY KEY)');
    const control = await callReshard('service', 'control', file, '--create-targets');
    expect(control.code, control.err).toBe(3);
    expect(control.err).toContain('before jobs had ids');
    expect(control.err).toContain('reshard drop');
    const drop = await callReshard('drop', file, '--yes', '--json');
    expect(drop.code, drop.err).toBe(0);
    expect((await topicsOf(name)).sort()).toEqual([]);
    // The user's own stays, whatever its name is.
    expect(await target.run("SHOW TABLES LIKE 'reshard\\_owner\\_%'")).toBe(1);
    await target.run('DROP TABLE reshard_owner_2');
    await target.close();
  },
  2 * MINUTES,
);

it(
  'a drop that dies half-way is gone on with; then the same job file runs from the start and ends equal',
  async () => {
    const before = await topicsOf(first.name);
    expect(before).toContain(`reshard.${first.name}.state`);
    for (const failpoint of ['drop.after-rows', 'drop.after-topics']) {
      const env = { RESHARD_FAILPOINT: failpoint };
      const log = path.join(first.dir, 'drop.log');
      const dying = spawnReshard(['drop', first.jobFile, '--yes'], { env, log });
      expect(await dying.exited).toBe(128);
      const control = await callReshard('service', 'control', first.jobFile);
      expect(control.code, control.err).toBe(3);
      expect(control.err).toContain('is being dropped');
    }
    const drop = await callReshard('drop', first.jobFile, '--yes', '--json');
    expect(drop.code, drop.err).toBe(0);
    expect(await topicsOf(first.name)).toEqual([]);
    const again = await callReshard('drop', first.jobFile, '--yes');
    expect(again.out).toContain('nothing of the job');
    for (const target of first.targets.keys()) {
      const client = await first.sql(target);
      expect(await client.run('SELECT 1 FROM orders LIMIT 1')).toBe(1);
      for (const table of LOAD_TABLES) await client.run(`DELETE FROM ${table}`);
      await client.close();
    }
    await using load = first.load(50);
    first.start(...SERVICES);
    await first.copied();
    await load.stop();
    await first.drained();
    await first.expectEqual();
  },
  4 * MINUTES,
);

async function topicsOf(part: string): Promise<string[]> {
  const { kafka } = clientsOf(first.jobFile);
  await using _ = kafka;
  const topics = await (await kafka.admin()).listTopics();
  const isOther = (topic: string): boolean => /-second|-old/.test(topic.slice(part.length));
  return topics.filter(topic => topic.includes(part) && !isOther(topic));
}

function clientsOf(file: string) {
  const job = parseJob(readFileSync(file, 'utf8'), {});
  const log = createLogger({ name: 'test', level: 'fatal' });
  return { job, kafka: kafkaOf(job, log, 'two-jobs'), registry: registryOf(job) };
}

/** Records without ids, as the first versions wrote them. */
async function leaveOldState(file: string): Promise<void> {
  const { job, kafka, registry } = clientsOf(file);
  await using _ = kafka;
  const { state, perSource } = controlTopics(job);
  await (await kafka.admin()).ensureTopics([state, ...perSource]);
  await registerStatic(registry, job);
  const writer = await controlWriter({ kafka, job, codec: await stateCodec(registry, job) });
  const [source] = job.sources;
  if (source === undefined) throw new Error('no source');
  const start = { gtid: '', serverUuid: 'u', flavor: 'mysql' as const };
  await writer.put(stateKey.start(source.name), { start });
  writer.close();
  const codec = await progressCodec(registry, source.name);
  const plain = await kafka.writer();
  const value = codec.encode({ resume: null, range: null });
  await plain.send(progressTopic(source.name), 0, [{ key: Buffer.from('source'), value }]);
}
