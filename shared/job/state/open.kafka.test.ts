/** I12: what is of another job is refused where it is opened, whoever opens it. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registerStatic } from '../../../services/control/phase/prepare.ts';
import { claimSource, ownerOf } from '../../../services/control/phase/source-owner.ts';
import { controlTopics } from '../../../services/control/phase/topic-plan.ts';
import { servers } from '../../../test/support/dev.ts';
import type { KafkaLog } from '../../kafka/kafka.ts';
import { progressTopic } from '../../kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../member/context.ts';
import type { SchemaRegistry } from '../../registry/registry.ts';
import { until } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/log.ts';
import type { Job } from '../job.ts';
import { parseJob } from '../job-schema.ts';
import { makeIdentity } from './identity.ts';
import { stateKey } from './job-view.ts';
import { openProgress, openState, progressCodec, stateCodec } from './open.ts';
import { controlWriter, requestWriter } from './record-writer.ts';

const log = createLogger({ name: 'test', level: 'silent' });

let job: Job;
let kafka: KafkaLog;
let registry: SchemaRegistry;

beforeAll(async () => {
  const name = `open-${randomBytes(3).toString('hex')}`;
  const server = { user: 'u', database: 'd' };
  job = parseJob(
    JSON.stringify({
      job: name,
      kafka: { brokers: servers().brokers },
      registry: { url: servers().registryUrl },
      sources: ['a', 'b', 'c'].map(s => ({ name: `${name}-${s}`, ...server })),
      targets: [{ name: 't', ...server }],
      tables: [{ name: 'orders' }],
      route: { kind: 'modulus', column: 'id' },
    }),
    {},
  );
  kafka = kafkaOf(job, log, 'open-test');
  registry = registryOf(job);
  const { state, perSource } = controlTopics(job);
  await (await kafka.admin()).ensureTopics([state, ...perSource]);
  await registerStatic(registry, job);
});

afterAll(() => kafka?.close());

const sourceOf = (i: number): string => job.sources[i]?.name ?? '';

async function writeProgress(source: string, jobId: string): Promise<void> {
  const codec = await progressCodec(registry, source);
  const writer = await kafka.writer();
  const value = codec.encode({ resume: null, range: null, jobId });
  await writer.send(progressTopic(source), 0, [{ key: Buffer.from('source'), value }]);
  writer.close();
}

describe('the progress of a source', () => {
  test('has one owner: a second job can neither claim nor open it', async () => {
    const [source, deps] = [sourceOf(0), { kafka, registry }];
    expect(await ownerOf(deps, source)).toBe(null);
    await claimSource(deps, source, { job: 'one', id: 'one#1' });
    await claimSource(deps, source, { job: 'one', id: 'one#1' });
    expect(await ownerOf(deps, source)).toBe('one#1');
    await expect(claimSource(deps, source, { job: 'two', id: 'two#2' })).rejects.toMatchObject({
      kind: 'foreign-job',
      message: expect.stringContaining('the job one (one#1), not to two#2'),
    });
    await expect(openProgress(deps, source, 'two#2')).rejects.toMatchObject({
      kind: 'foreign-job',
    });
    await using ours = await openProgress(deps, source, 'one#1');
    expect(ours.view.owner).not.toBe(null);
  });

  test('of two jobs that claim it at once one becomes the owner', async () => {
    const [source, deps] = [sourceOf(1), { kafka, registry }];
    const claims = ['one', 'two', 'three'].map(name =>
      claimSource(deps, source, { job: name, id: `${name}#1` }).then(() => `${name}#1`),
    );
    const results = await Promise.allSettled(claims);
    const won = results.flatMap(r => (r.status === 'fulfilled' ? [r.value] : []));
    expect(won.length).toBeLessThanOrEqual(1);
    const [owner] = won;
    if (owner === undefined) return;
    // A commit is acknowledged before its marker is written: a reader without a fence may be early.
    await until(async () => (await ownerOf(deps, source)) !== null, {
      ...{ timeoutMs: 10_000, what: 'the claim to be seen' },
    });
    expect(await ownerOf(deps, source)).toBe(owner);
  });

  test('that lacks its owner, or holds a record of another life, is refused', async () => {
    const [source, deps] = [sourceOf(2), { kafka, registry }];
    await writeProgress(source, 'one#1');
    await expect(openProgress(deps, source, 'one#1')).rejects.toMatchObject({
      kind: 'foreign-job',
      message: expect.stringContaining('is not owned by the job'),
    });
    await expect(openProgress(deps, source, 'one#2')).rejects.toMatchObject({
      message: expect.stringContaining('the job one (one#1), not to one#2'),
    });
  });
});

describe('the state of a job', () => {
  test('drops a request of an earlier job, and refuses a record of its control', async () => {
    const codec = await stateCodec(registry, job);
    const identity = makeIdentity(job, { source: n => n, target: n => n });
    const writer = await controlWriter({ kafka, job, codec });
    writer.jobId = identity.id;
    await writer.put(stateKey.identity, { identity });
    const stale = await requestWriter({ kafka, job, codec, jobId: `${job.job}#old` });
    await stale.verify({ id: 'old', requestedMs: 1, tables: [] });
    const live = await requestWriter({ kafka, job, codec, jobId: identity.id });
    await live.verify({ id: 'new', requestedMs: 2, tables: [] });
    await using state = await openState({ job, kafka, registry, log });
    expect([...state.view.verifies.keys()]).toEqual(['new']);
    await stale.verify({ id: 'later', requestedMs: 3, tables: [] });
    await live.verify({ id: 'last', requestedMs: 4, tables: [] });
    const isThere = (): boolean => state.view.verifies.has('last');
    await until(isThere, { timeoutMs: 10_000, what: 'the last request' });
    expect(state.view.verifies.has('later')).toBe(false);

    writer.jobId = `${job.job}#old`;
    const start = { gtid: '', serverUuid: 'u', flavor: 'mysql' as const };
    await writer.put(stateKey.start(sourceOf(0)), { start });
    await expect(state.failed).rejects.toMatchObject({ kind: 'foreign-job' });
    await expect(openState({ job, kafka, registry, log })).rejects.toMatchObject({
      kind: 'foreign-job',
      message: expect.stringContaining('which has the same name'),
    });
    writer.close();
  });
});
