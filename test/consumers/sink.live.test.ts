/**
 * T1 to T3 for a consumer that others have written: Debezium's JDBC sink in a Connect worker, in a
 * time zone of its own, follows our topics into tables of the same declarations. For every type,
 * as a column and as a key, docs/TOPICS.md says what the sink makes of it: seen here.
 */
import { readFileSync } from 'node:fs';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calmTimer } from '../../shared/kafka/wire/calm-timer.ts';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { servers } from '../support/dev.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { answerOf, toldOf } from './sink-answer.ts';
import { CASES, changesOf, rowsOf, tableOf } from './sink-cases.ts';
import { SinkJob } from './sink-job.ts';

calmTimer();

const MINUTES = 60_000;
const PAGE = readFileSync(new URL('../../docs/TOPICS.md', import.meta.url), 'utf8');
const SPELLING = 'CREATE TABLE spelling (k VARCHAR(50) PRIMARY KEY, id INT NOT NULL)';
const ROWS = `CREATE TABLE story (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL, n INT)`;
const STORY = ['spelling', 'story'];
/** One connection each: there is a connector for every case. */
const FEW = { 'connection.pool.min_size': '1', 'connection.pool.max_size': '2' };

let job: SinkJob;

beforeAll(async () => {
  job = await SinkJob.prepare([...CASES.map(c => c.table), ...STORY]);
  for (const sql of [SPELLING, ROWS, ...CASES.map(tableOf)]) await job.createTable(sql);
  for (const c of CASES) await job.at('source', ...rowsOf(c));
  await job.at(
    'source',
    `INSERT INTO spelling VALUES ('a', 1), ('b', 2), ('é', 3)`,
    `INSERT INTO story (id, name, n)
      WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 200)
      SELECT i, CONCAT('name ', i), i FROM s`,
  );
  await job.start();
  await job.follow('story', STORY, FEW);
}, 4 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
}, MINUTES);

async function equal(table: string): Promise<void> {
  const end = performance.now() + MINUTES;
  for (;;) {
    const differences = await job.differing(table);
    expect(await job.worker.failure('story')).toBeUndefined();
    if (differences.length === 0) return;
    if (performance.now() > end) expect(differences.slice(0, 10), table).toEqual([]);
    await sleep(300);
  }
}

test('each type arrives as the page says', { timeout: 4 * MINUTES }, async () => {
  for (const c of CASES) await job.follow(c.table, [c.table], FEW, c.url);
  for (const c of CASES) await job.at('source', ...changesOf(c));
  const end = performance.now() + MINUTES;
  const told = CASES.map(c => toldOf(PAGE, c));
  const answers: string[] = [];
  for (const [i, c] of CASES.entries()) {
    let answer = await answerOf(job, c);
    while (answer !== told[i] && performance.now() < end) {
      await sleep(300);
      answer = await answerOf(job, c);
    }
    answers.push(answer);
  }
  expect(answers).toEqual(told);
});

test('spellings of one key, updates, deletes and changes of keys', {
  timeout: 2 * MINUTES,
}, async () => {
  await job.at(
    'source',
    `UPDATE spelling SET k = 'A' WHERE k = 'a'`,
    `DELETE FROM spelling WHERE k = 'b'`,
    `INSERT INTO spelling VALUES ('B', 4)`,
    `UPDATE spelling SET k = 'E', id = 5 WHERE k = 'é'`,
    `UPDATE story SET n = n + 1`,
    `DELETE FROM story WHERE id % 7 = 0`,
    `UPDATE story SET id = id + 10000 WHERE id % 11 = 0`,
    'START TRANSACTION',
    `UPDATE story SET n = 0`,
    'ROLLBACK',
  );
  await equal('spelling');
  await equal('story');
});

test('columns that come and get wider while the sink is behind', {
  timeout: 2 * MINUTES,
}, async () => {
  await job.worker.pause('story');
  const changes = [
    'ALTER TABLE story ADD COLUMN c INT NOT NULL DEFAULT 5',
    'ALTER TABLE story MODIFY name VARCHAR(200) NOT NULL, MODIFY n BIGINT',
  ];
  await job.at('source', 'UPDATE story SET n = 1 WHERE id % 2 = 0');
  for (const sql of changes) {
    await job.at(
      'source',
      sql,
      `INSERT INTO story (id, name, n) SELECT MAX(id) + 1, 'x', 3 FROM story`,
    );
  }
  await job.at(
    'source',
    `UPDATE story SET name = REPEAT('n', 200), n = 1 << 40, c = id WHERE id % 3 = 0`,
  );
  await job.until('the log behind the columns', s => s.drained);
  await job.at('sink', ...changes);
  await job.worker.resume('story');
  await equal('story');
});

test('a tombstone of a repair deletes', { timeout: 2 * MINUTES }, async () => {
  const stray = `INSERT INTO story (id, name, n, c) VALUES (-5, 'stray', 0, 0)`;
  await job.at('target', stray);
  await job.at('sink', stray);
  const found = await callReshard('verify', job.jobFile, '--tables', 'story', '--timeout', '60');
  expect(found.code, found.out + found.err).toBe(4);
  const mended = await callReshard('repair', job.jobFile, '--yes', '--timeout', '60');
  expect(mended.code, mended.out + mended.err).toBe(0);
  await equal('story');
});

test('what a writer has aborted is not there', { timeout: 2 * MINUTES }, async () => {
  await abortedAgain(job.topic('story'));
  const added = [1, 2, 3, 4, 5, 6, 7, 8].map(i => `(${20000 + i}, 'last', ${i}, 0)`);
  await job.at('source', `INSERT INTO story (id, name, n, c) VALUES ${added}`);
  await equal('story');
});

/** The first record of each partition, which is old by now, once more: by a writer that aborts. */
async function abortedAgain(topic: string): Promise<void> {
  const kafka = new Kafka({ brokers: servers().brokers, logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `${job.name}-first` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const first = new Map<number, { key: Buffer | null; value: Buffer | null }>();
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message: { key, value } }) => {
      if (!first.has(partition)) first.set(partition, { key, value });
    },
  });
  await until(() => first.size === 2, { timeoutMs: MINUTES, what: 'a record of each partition' });
  await consumer.disconnect();
  const producer = kafka.producer({
    transactionalId: `${job.name}-aborts`,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  const messages = [...first].map(([partition, record]) => ({ partition, ...record }));
  await transaction.send({ topic, messages });
  await transaction.abort();
  await producer.disconnect();
}
