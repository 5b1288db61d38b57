/** A log that is cut is told from one that has grown while the targets were asked. */
import { expect, test } from 'vitest';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { lostTopics } from './log-ends.ts';

const plan = { topic: 's1.shop.orders', source: 's1', table: 'orders' } as TablePlan;
const place = 's1.shop.orders/0';

/** What is asked for after the targets have answered. */
const kafkaAt = (end: number): KafkaLog =>
  ({ highWatermarks: async () => [end] }) as unknown as KafkaLog;

const lost = (before: number, after: number, applied: number) =>
  lostTopics(kafkaAt(after), 'shop', [plan], { ends: new Map([[place, before]]) }, [
    new Map([[place, applied]]),
  ]);

test('a target that is past the ends of a moment ago has not lost its log', async () => {
  expect(await lost(1119, 1123, 1123)).toEqual([]);
  expect(await lost(1123, 1123, 1119)).toEqual([]);
});

test('a log that ends before what a target has applied is gone', async () => {
  expect(await lost(5, 5, 1123)).toMatchObject([{ topic: 's1.shop.orders', state: 'gone' }]);
});
