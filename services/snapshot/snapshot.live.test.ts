/**
 * The snapshot against a real source and a real Kafka. The ordered writer is played by the test: it
 * takes chunks by the contract (only where they continue the range) and can reject at will.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envelopeSchema, keySchema } from '../../shared/codec/avro-schema.ts';
import { EnvelopeDecoder } from '../../shared/codec/envelope.ts';
import { staticSchema } from '../../shared/codec/record-codec.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import { makeIdentity } from '../../shared/job/state/identity.ts';
import { JobView, stateKey } from '../../shared/job/state/job-view.ts';
import { SourceServer } from '../../shared/job/state/source-server.ts';
import { KafkaLog } from '../../shared/kafka/kafka.ts';
import { chunksTopic, progressTopic } from '../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { MysqlSession } from '../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../shared/mysql/gtid-lower-bound.ts';
import { inspectTable } from '../../shared/mysql/inspect.ts';
import { planRanges } from '../../shared/mysql/range-plan.ts';
import { SchemaRegistry } from '../../shared/registry/registry.ts';
import { RowCodec } from '../../shared/row/row-codec.ts';
import { until } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { createRegistry } from '../../shared/runtime/metric.ts';
import { PauseReasons } from '../../shared/runtime/pause.ts';
import { servers } from '../../test/support/dev.ts';
import { TestWriter } from '../../test/support/snapshot/test-writer.ts';
import { claimSource, ownerOf } from '../control/phase/source-owner.ts';
import { CopyRate } from './copy-rate.ts';
import { SnapshotProgress, snapshotMetrics } from './metrics.ts';
import { slotOf } from './range-board.ts';
import { SourceSnapshot } from './snapshot.ts';

const ROWS = 3000;
const log = createLogger({ name: 'test', level: 'error' });
const suffix = randomUUID().slice(0, 8);
const database = `snap_live_${suffix}`;
const allSlots = new Set(Array.from({ length: 16 }, (_, i) => i));
let rig: Awaited<ReturnType<typeof openRig>>;

async function openRig() {
  const { brokers, registryUrl, mysql } = servers();
  const [place] = Object.values(mysql);
  if (place === undefined) throw new Error('no MySQL server');
  const admin = await MysqlSession.open(place, { role: 'admin', log });
  await admin.run(`CREATE DATABASE ${database}`);
  await admin.run(`CREATE TABLE ${database}.item (
    a INT NOT NULL, b VARBINARY(20) NOT NULL, kind ENUM('z','y','x') NOT NULL, body TEXT,
    PRIMARY KEY (a, kind, b))`);
  const digit = 'SELECT 0 i UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL';
  const ten = `(${digit} SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL
    SELECT 8 UNION ALL SELECT 9)`;
  await admin.run(
    `INSERT INTO ${database}.item
     SELECT n DIV 7, CONCAT('key', n), 1 + n MOD 3, REPEAT('x', n MOD 900) FROM (
       SELECT a.i + 10 * b.i + 100 * c.i + 1000 * d.i AS n
       FROM ${ten} a, ${ten} b, ${ten} c, ${ten} d) numbers
     WHERE n < ${ROWS}`,
  );
  const kafka = new KafkaLog({ brokers, clientId: 'snapshot-test', log });
  const registry = new SchemaRegistry({ url: registryUrl });
  return { admin, kafka, registry, place, brokers, registryUrl };
}

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(async () => {
  await rig.admin.run(`DROP DATABASE ${database}`);
  await rig.admin.close();
  await rig.kafka.close();
});

/** A job with one table, its topics and schemas, and a writer that the test steers. */
async function prepare(name: string, rowsPerRange: number, table = 'item') {
  const { kafka, registry, place } = rig;
  const source = `snap-${suffix}-${name}`;
  const job = parseJob(
    JSON.stringify({
      job: source,
      kafka: { brokers: rig.brokers },
      registry: { url: rig.registryUrl },
      sources: [{ name: source, ...place, database }],
      targets: [{ name: 't', ...place, database: 'elsewhere' }],
      tables: [{ name: table }],
      route: { kind: 'modulus', column: 'a' },
      options: { chunkRows: 100, chunkBytes: 20_000, snapshotWorkers: 3, maxMessageBytes: 1 << 20 },
    }),
    {},
  );
  const config = { 'cleanup.policy': 'delete' };
  const topics = [chunksTopic(source), progressTopic(source)];
  const admin = await kafka.admin();
  await admin.ensureTopics(topics.map(topic => ({ topic, partitions: 1, replication: 1, config })));
  await registry.register(`${chunksTopic(source)}-value`, staticSchema('chunk'), 'NONE');
  await registry.register(`${progressTopic(source)}-value`, staticSchema('progress'), 'BACKWARD');
  const schema = await inspectTable(rig.admin, database, table);
  const topic = `${source}.${database}.${table}`;
  const keySchemaId = await registry.registerFrozen(`${topic}-key`, keySchema(source, schema));
  const value = envelopeSchema(source, schema);
  const valueSchemaId = await registry.register(`${topic}-value`, value, 'BACKWARD');
  const { ranges } = await planRanges(rig.admin, schema, { rowsPerRange, rangesMax: 64 });
  const identity = makeIdentity(job, { source: () => 'u', target: () => 'v' });
  await claimSource({ kafka, registry }, source, { job: source, id: identity.id });
  // A commit is acknowledged before its marker is written: a reader without a fence may be early.
  await until(async () => (await ownerOf({ kafka, registry }, source)) !== null, {
    ...{ timeoutMs: 10_000, what: 'the claim to be seen' },
  });
  const view = new JobView();
  view.identity = identity;
  const plan = {
    generation: 1,
    source,
    db: database,
    table,
    topic,
    schemaJson: JSON.stringify(schema),
    keySchemaId,
    valueSchemaId,
    estimatedRows: ROWS,
    ranges,
  };
  view.apply(stateKey.plan(source, database, table), {
    job: null,
    start: null,
    plan,
    verify: null,
  });
  const [jobSource] = job.sources;
  if (jobSource === undefined) throw new Error('the job has a source');
  const metrics = snapshotMetrics(createRegistry({}));
  // What the unit uses of a context; health, reports and state tail belong to the process.
  const context = { job, log, kafka, registry, view } as ServiceContext;
  const unit = (slots: ReadonlySet<number> = allSlots, pause = new PauseReasons()) =>
    new SourceSnapshot({
      context,
      source: jobSource,
      server: new SourceServer(source),
      slots,
      pause,
      rate: new CopyRate(view, [source], job.options.snapshotRowsPerSecond),
      progress: new SnapshotProgress(metrics, source),
    });
  return {
    source,
    schema,
    ranges,
    unit,
    writer: await TestWriter.open(
      { kafka, registry },
      { source, jobId: identity.id, ranges: ranges.length },
    ),
  };
}

class WatchedPause extends PauseReasons {
  isAsked = false;

  override wait(signal: AbortSignal): Promise<void> {
    this.isAsked = true;
    return super.wait(signal);
  }
}

function halves(): [Set<number>, Set<number>] {
  const half = (rest: number): Set<number> => new Set([...allSlots].filter(n => n % 2 === rest));
  return [half(0), half(1)];
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

/** Runs units until all ranges are complete, then checks that every row is there once, exact. */
async function copyAll(
  { writer, schema }: Prepared,
  units: readonly ReturnType<Prepared['unit']>[],
) {
  const stop = new AbortController();
  const running = Promise.all(units.map(unit => unit.run(stop.signal)));
  await Promise.race([
    running,
    until(() => writer.complete, { timeoutMs: 40_000, what: 'all ranges to be copied' }),
  ]);
  stop.abort();
  await running;
  expect(writer.twice).toEqual([]);
  expect(writer.rows.size).toBe(ROWS);
  const codec = new RowCodec(schema);
  const decoder = new EnvelopeDecoder(codec);
  const seen = [...writer.rows.values()].map(value => {
    decoder.decode(value, 0, value.length);
    expect(decoder.op).toBe('r');
    return codec.toJs(value, decoder.afterStart);
  });
  const found = await rig.admin.query<{ row: string }>(
    `SELECT CONCAT(a, '/', b, '/', kind, '/', body) AS \`row\` FROM ${database}.item`,
  );
  const text = seen.map(([a, b, kind, body]) => `${a}/${String(b)}/${kind}/${body}`);
  expect(text.sort()).toEqual(found.map(r => String(r.row)).sort());
}

describe('snapshot', () => {
  it('copies every row of every range once, over a composite key with an enum in it', async () => {
    const prepared = await prepare('plain', 400);
    expect(prepared.ranges.length).toBeGreaterThan(4);
    await copyAll(prepared, [prepared.unit()]);
  });

  it('reads again from the durable key when chunks are rejected', async () => {
    const prepared = await prepare('rejects', 1000);
    prepared.writer.judge = (_, nth) => nth % 3 !== 1;
    await copyAll(prepared, [prepared.unit()]);
  });

  it('is right, if wasteful, when two members hold the same slots', async () => {
    const prepared = await prepare('double', 1000);
    await copyAll(prepared, [prepared.unit(), prepared.unit()]);
  });

  it('goes on by chunk where another has stopped', async () => {
    const prepared = await prepare('resume', 100_000);
    const stop = new AbortController();
    const first = prepared.unit().run(stop.signal);
    await until(() => prepared.writer.accepted > 3, { timeoutMs: 20_000, what: 'some chunks' });
    stop.abort();
    await first;
    const before = prepared.writer.accepted;
    await copyAll(prepared, [prepared.unit()]);
    expect(before).toBeGreaterThan(3);
  });

  it('reads nothing while there is a reason to pause, and all of it afterwards', async () => {
    const prepared = await prepare('paused', 200);
    const { source, ranges, writer } = prepared;
    const pause = new WatchedPause();
    for (const reason of ['operator', 'load']) pause.add(reason);
    pause.delete('operator');
    const [even, odd] = halves();
    const free = ranges.map(r => r.id).filter(id => even.has(slotOf(source, database, 'item', id)));
    expect(free.length).toBeGreaterThan(0);
    const stop = new AbortController();
    const paused = prepared.unit(odd, pause).run(stop.signal);
    await until(() => pause.isAsked, { timeoutMs: 40_000, what: 'a worker that could read' });
    // Beside one that is not: what that has time for, the other has, too.
    const copied = copyAll(prepared, [prepared.unit(even)]);
    const isThrough = (): boolean => free.every(id => writer.begun.get(id)?.complete);
    await until(isThrough, { timeoutMs: 40_000, what: 'the other one' });
    expect([...writer.begun.keys()].sort()).toEqual(free.sort());
    pause.delete('load');
    await copied;
    stop.abort();
    await paused;
  });

  it('copies only what its slots give it; two members with different slots share the work', async () => {
    const prepared = await prepare('slots', 200);
    const slots = halves();
    await copyAll(
      prepared,
      slots.map(half => prepared.unit(half)),
    );
    expect(prepared.writer.passedOver).toBe(0);
  });

  it('stops when the table is altered under it, and the log has come to that', async () => {
    const prepared = await prepare('altered', 1000);
    await rig.admin.run(`ALTER TABLE ${database}.item MODIFY body LONGTEXT`);
    const stop = new AbortController();
    const running = prepared.unit().run(stop.signal);
    const ended = running.then(
      () => null,
      (e: unknown) => e,
    );
    let isEnded = false;
    ended.then(() => (isEnded = true));
    // Other tests write to the server all the time: the log comes to each place a little later.
    const follows = async (): Promise<boolean> => {
      await prepared.writer.reach(await gtidLowerBound(rig.admin));
      return isEnded;
    };
    await until(follows, { timeoutMs: 40_000, everyMs: 200, what: 'the copy to end' });
    expect(await ended).toMatchObject({ kind: 'schema-changed', context: { table: 'item' } });
    await rig.admin.run(`ALTER TABLE ${database}.item MODIFY body TEXT`);
  });

  it('refuses a row above the message limit with table and key, and drops nothing', async () => {
    await rig.admin.run(`CREATE TABLE ${database}.big (id INT PRIMARY KEY, a INT, body LONGTEXT)`);
    await rig.admin.run(
      `INSERT INTO ${database}.big (id, body)
         VALUES (1, 'small'), (2, REPEAT('x', 1100000)), (3, 'small')`,
    );
    const prepared = await prepare('large', 1000, 'big');
    const stop = new AbortController();
    await expect(prepared.unit().run(stop.signal)).rejects.toMatchObject({
      kind: 'too-large',
      context: { table: `${database}.big`, key: 'id=2' },
    });
    expect(prepared.writer.rows.size).toBeLessThan(2);
  });
});
