/** Blocked keys as the operator sees them: topic, report, metrics, health; and over crashes. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deadLetterTopic } from '../../../shared/kafka/topic-name.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../../shared/runtime/failpoint.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { servers } from '../../../test/support/dev.ts';
import { freePorts } from '../../../test/support/servers/port.ts';
import { DeadLetterBox } from '../../../test/support/sink/letter-box.ts';
import type { Event } from '../../../test/support/sink/log-maker.ts';
import { SinkJob } from '../../../test/support/sink/sink-job.ts';
import { ServerProbe } from '../../control/status/server-probe.ts';

const TABLES = {
  plain: 'CREATE TABLE plain (id INT PRIMARY KEY, shard INT NOT NULL, v VARCHAR(50) NOT NULL)',
};
const LONG = 'much too long for the target';
const WAIT = { timeoutMs: 30_000, everyMs: 50 };

describe('dead letters', { timeout: 120_000 }, () => {
  let job: SinkJob;
  let published = 0;

  beforeEach(async () => {
    const name = `sink_dead_${process.pid}_${Date.now() % 100_000}`;
    job = await SinkJob.create({ servers: servers(), targets: ['t1', 't2'], name, tables: TABLES });
    published = 0;
  });
  afterEach(() => job[Symbol.asyncDispose]());

  async function alter(target: number, type: string): Promise<void> {
    await job.sessions[target]?.rawQuery(`ALTER TABLE plain MODIFY v ${type} NOT NULL`);
  }

  /** Rows for both targets; those of `poison` are too long. */
  async function publish(count: number, ...poison: number[]): Promise<void> {
    const events: Event[] = [];
    for (let i = 0; i < count; i++, published++) {
      const v = poison.includes(i) ? LONG : 'good';
      events.push({ op: 'c', after: [published, published % 2, v] });
    }
    await job.publish('plain', events);
  }

  async function counts(): Promise<number[]> {
    return (await job.rows('plain')).map(rows => rows.length);
  }

  test('carry the record as it is in the log; the job shows what is blocked and why', async () => {
    await alter(0, 'VARCHAR(10)');
    await publish(200, 10, 55, 100);
    const [port = 0] = await freePorts(1);
    job.start({ env: { TEST_HTTP: String(port) } });
    await job.waitApplied();
    // 10 and 100 are too long for t1; 55 goes to t2, which takes it.
    expect(await counts()).toEqual([98, 100]);

    const { brokers } = servers();
    await using box = await DeadLetterBox.open(brokers, deadLetterTopic(job.job.job));
    await using log = await DeadLetterBox.open(brokers, job.topicOf('plain'));
    await until(() => box.records.length === 2 && log.records.length === 200, {
      ...WAIT,
      what: 'the dead letters and the log',
    });
    for (const [i, deadLetter] of box.records.entries()) {
      const headers = box.headers(i);
      const original = log.records.find(
        r =>
          r.offset === headers['__connect.errors.offset'] &&
          String(r.partition) === headers['__connect.errors.partition'],
      );
      expect(original).toBeDefined();
      expect([deadLetter.key, deadLetter.value]).toEqual([original?.key, original?.value]);
      expect(deadLetter.value?.includes(LONG)).toBe(true);
      expect(headers).toMatchObject({
        '__connect.errors.topic': job.topicOf('plain'),
        '__connect.errors.connector.name': job.job.job,
        '__connect.errors.stage': 'TASK_PUT',
        '__connect.errors.exception.class.name': 'reshard.target-data',
        '__connect.errors.exception.message': 'a value is too long for its column: column v',
        'reshard.target': 't1',
        'reshard.errno': '1406',
      });
      expect(JSON.stringify(headers)).not.toContain(LONG);
    }

    const report = await job.waitReport('a blocked unit', r => r.state === 'blocked');
    expect(report.unit).toMatch(/^t1\//);
    expect(report.error).toMatch(/^target-data: the target refuses rows, their keys are blocked/);
    expect(report.error).toMatch(/remedy: make the target table like the source table/);
    expect(report.error).not.toContain(LONG);
    const http = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    expect(await http('/metrics')).toMatch(/reshard_sink_blocked_keys\{[^}]*target="t1"[^}]*\} 2/);
    expect(await http('/metrics')).toMatch(/reshard_sink_dead_letters_total\{.*target="t1".*\} 2/);
    expect(JSON.parse(await http('/health/ready'))).toMatchObject({ detail: { blocked: 2 } });
    await using look = new ServerProbe(job.job, createLogger({ name: 'test', level: 'silent' }));
    expect(await look.applied('t1')).toMatchObject({ blocked: 2, parked: 0 });
    expect(await look.applied('t2')).toMatchObject({ blocked: 0, parked: 0 });

    await alter(0, 'VARCHAR(50)');
    await job.waitDrained(40_000);
    expect(await counts()).toEqual([100, 100]);
    await job.waitReport('the unit to be well', r => r.unit === report.unit && r.error === null);
  });

  test('are not lost when the member dies between commit and topic', async () => {
    await alter(0, 'VARCHAR(10)');
    const dead = job.start({ failpoint: `${FAILPOINTS.sinkBeforeDeadLetter}:1` });
    const gone = once(dead, 'exit');
    await publish(100, 10);
    expect(await gone).toEqual([null, 'SIGKILL']);
    await using box = await DeadLetterBox.open(servers().brokers, deadLetterTopic(job.job.job));
    // What ends the block comes before anybody can send the dead letter.
    await job.publish('plain', [{ op: 'u', before: [10, 0, LONG], after: [10, 0, 'good'] }]);
    job.start();
    await job.waitDrained();
    await until(() => box.records.length > 0, { ...WAIT, what: 'the dead letter' });
    expect(box.records[0]?.value?.includes(LONG)).toBe(true);
    expect(await counts()).toEqual([50, 50]);
  });

  test('come again, and then leave the target, when the member dies behind the topic', async () => {
    await alter(0, 'VARCHAR(10)');
    const dead = job.start({ failpoint: `${FAILPOINTS.sinkAfterDeadLetter}:1` });
    const gone = once(dead, 'exit');
    await publish(100, 10);
    expect(await gone).toEqual([null, 'SIGKILL']);
    job.start();
    await using box = await DeadLetterBox.open(servers().brokers, deadLetterTopic(job.job.job));
    await until(() => box.records.length === 2, { ...WAIT, what: 'the dead letter, twice' });
    expect(box.records[0]?.value).toEqual(box.records[1]?.value);
    const waiting = async (): Promise<number> => {
      const rows = await job.sessions[0]?.query('SELECT 1 FROM reshard_dead_letter');
      return rows?.length ?? -1;
    };
    await until(async () => (await waiting()) === 0, { ...WAIT, what: 'the outbox' });
    await alter(0, 'VARCHAR(50)');
    await job.waitDrained(40_000);
    expect(await counts()).toEqual([50, 50]);
  });

  test('status reads the park of an older version too', async () => {
    const [session] = job.sessions;
    await session?.rawQuery(
      'CREATE TABLE reshard_offset (job CHAR(64), topic CHAR(99), part INT, next_offset BIGINT)',
    );
    await session?.rawQuery('CREATE TABLE reshard_park (job CHAR(64))');
    await session?.run('INSERT INTO reshard_park VALUES (?), (?)', [job.job.job, job.job.job]);
    await using look = new ServerProbe(job.job, createLogger({ name: 'test', level: 'silent' }));
    expect(await look.applied('t1')).toMatchObject({ blocked: 0, parked: 2 });
  });
});
