import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { servers } from '../../test/support/dev.ts';
import { until } from '../runtime/clock.ts';
import { createLogger } from '../runtime/log.ts';
import { TopicAdmin } from './admin.ts';
import { PlainWriter } from './plain-writer.ts';
import { LogReader } from './reader.ts';
import { TransactionalWriter } from './transactional-writer.ts';
import { Cluster } from './wire/cluster.ts';
import { wholeRecord } from './wire/record-slices.ts';
import { ClusterTransactionPort } from './wire/transaction-port.ts';

const log = createLogger({ name: 'cut-test', level: 'error' });
const settings = { brokers: servers().brokers, clientId: 'reshard-cut-test', log };
const COMMITS = 120;
const PARTITIONS = 3;

/** Cuts the connections of a purpose at random moments until it is disposed. */
function cutter(cluster: Cluster, purpose: string, everyMs: number): Disposable & { cuts: number } {
  let timer: NodeJS.Timeout;
  const cut = (): void => {
    cluster.release(purpose);
    state.cuts++;
    // Now and then there is time for a request on a slow machine, too.
    const isLong = state.cuts % 10 === 0;
    timer = setTimeout(cut, Math.random() * everyMs * (isLong ? 20 : 1));
  };
  const state = { cuts: 0, [Symbol.dispose]: () => clearTimeout(timer) };
  timer = setTimeout(cut, everyMs);
  return state;
}

test('connections cut at any moment: all is read once and in order', {
  timeout: 60_000,
}, async () => {
  const topic = `topicroom.${randomUUID()}`;
  const [writing, reading] = [new Cluster(settings), new Cluster(settings)];
  const admin = new TopicAdmin(reading, 'admin');
  await admin.ensureTopics([{ topic, partitions: PARTITIONS, replication: 1, config: {} }]);
  const got: string[][] = [[], [], []];
  const errors: Error[] = [];
  const reader: LogReader = new LogReader(reading, 'fetch', {
    isolation: 'committed',
    onFetched: fetched => {
      for (let i = 0; i < fetched.count; i++)
        got[fetched.partition]?.push(String(fetched.value(i)));
      reader.release(fetched);
    },
    onError: e => errors.push(e),
  });
  for (let p = 0; p < PARTITIONS; p++) reader.add(topic, p, 0);
  const port = new ClusterTransactionPort(writing, 'writer');
  const w = await TransactionalWriter.open(port, { transactionalId: topic });
  const plain = new PlainWriter(new ClusterTransactionPort(writing, 'writer'), {
    maxBatchBytes: 100_000,
  });
  const wanted: string[][] = [[], [], []];
  {
    using writerCuts = cutter(writing, 'writer', 12);
    using readerCuts = cutter(reading, 'fetch', 40);
    for (let commit = 0; commit < COMMITS; commit++) {
      for (let p = 0; p < PARTITIONS - 1; p++) {
        const value = Buffer.from(`commit ${commit}`);
        w.append(topic, p, wholeRecord(null, value, Date.now()));
        wanted[p]?.push(String(value));
      }
      const value = Buffer.from(`send ${commit}`);
      await Promise.all([w.commit(), plain.send(topic, 2, [{ key: null, value }])]);
      wanted[2]?.push(String(value));
    }
    expect(writerCuts.cuts).toBeGreaterThan(20);
    expect(readerCuts.cuts).toBeGreaterThan(5);
  }
  const total = COMMITS * PARTITIONS;
  await until(() => errors.length > 0 || got.flat().length >= total, {
    timeoutMs: 20_000,
    what: 'all records',
  });
  expect(errors).toEqual([]);
  expect(got).toEqual(wanted);
  reader.close();
  await admin.deleteTopics([topic]);
  await admin.close();
  writing.close();
  reading.close();
});
