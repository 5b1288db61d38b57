/** A copy that waits for the log is told as one, by whoever has it, and for no longer. */
import { expect, test } from 'vitest';
import { Registry } from '../../../shared/runtime/metric.ts';
import { SnapshotProgress, snapshotMetrics } from '../../snapshot/metrics.ts';
import { waitsForLog } from './copy-wait.ts';

const told = (progress: SnapshotProgress) =>
  new Map([
    ['snapshot/s1@a', { service: 'snapshot', unit: 's1', detail: '{}' }],
    ['snapshot/s1@b', report('snapshot', progress)],
    ['binlog/s2', report('binlog', progress)],
  ]);

const report = (service: string, progress: SnapshotProgress) => ({
  ...{ service, unit: 's1', detail: JSON.stringify(progress.report([]).detail) },
});

test('an altered table waits until some of it is read, or nobody says so any more', () => {
  const progress = new SnapshotProgress(snapshotMetrics(new Registry()), 's1');
  expect(waitsForLog(told(progress), 'orders')).toEqual([]);
  progress.waits('orders', 60_000);
  expect(waitsForLog(told(progress), 'orders')).toEqual(['s1']);
  expect(waitsForLog(told(progress), 'items')).toEqual([]);
  progress.read('orders', 5);
  expect(waitsForLog(told(progress), 'orders')).toEqual([]);
  progress.waits('orders', -1);
  expect(waitsForLog(told(progress), 'orders')).toEqual([]);
});
