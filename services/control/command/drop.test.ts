/** What a drop asks before it takes anything away. */
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { carryOutDrop, type DropPlan } from './drop.ts';

const PLAN: DropPlan = {
  jobId: 'shop#1',
  sources: ['s1'],
  ...{ tableTopics: ['s1.shop.orders'], ownerTopics: [], jobTopics: [], hasState: true },
  ...{ subjects: [], groups: ['reshard.shop.sink'], rows: [], tables: [], transactionalIds: [] },
  kept: [],
};

test('a member that was started while the question stood keeps the job whole', async () => {
  const asked: string[] = [];
  const kafka = {
    admin: async () => ({
      groups: async (names: string[]) => names.map(group => ({ group, members: 1 })),
    }),
    transactionalWriter: async () => asked.push('a writer'),
  } as unknown as KafkaLog;
  const job = { job: 'shop', targets: [], options: { sessionTimeoutMs: 6000 } } as unknown as Job;
  const deps = { job, kafka, registry: {} as SchemaRegistry };
  const dropping = carryOutDrop(deps, PLAN, 'ann@host', step => asked.push(step));
  await expect(dropping).rejects.toThrow(/members of the job shop are alive: .*sink \(1\)/);
  expect(asked).toEqual([]);
});
