/** What a job waits for is told before it is prepared; then nothing of that is left behind. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { stateCodec } from '../../../shared/job/state/open.ts';
import { readRecords } from '../../../shared/job/state/record-writer.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { servers } from '../../../test/support/dev.ts';
import { noteWaiting } from './prepare.ts';
import { controlTopics } from './topic-plan.ts';

test('a control that waits tells so before the job is prepared, and never after', async () => {
  const log = createLogger({ name: 'test', level: 'silent' });
  const name = `wait-${randomBytes(3).toString('hex')}`;
  const server = { user: 'u', database: 'd' };
  const job = parseJob(
    JSON.stringify({
      job: name,
      kafka: { brokers: servers().brokers },
      registry: { url: servers().registryUrl },
      sources: [{ name: `${name}-a`, ...server }],
      targets: [{ name: 't', ...server }],
      tables: [{ name: 'orders' }],
      route: { kind: 'modulus', column: 'id' },
    }),
    {},
  );
  await using kafka = kafkaOf(job, log, 'wait-test');
  const registry = registryOf(job);
  const told = async (): Promise<string | undefined> => {
    const records = await readRecords({ kafka, job, codec: await stateCodec(registry, job) });
    return records.get('prepare')?.prepare?.waiting;
  };
  await noteWaiting({ job, kafka, registry, log }, 1, 'source a is away');
  expect(await told()).toBe('source a is away');
  // A registry that is away when a control starts later, say.
  await (await kafka.admin()).ensureTopics([controlTopics(job).report]);
  await noteWaiting({ job, kafka, registry, log }, 2, 'the registry is away');
  expect(await told()).toBe('source a is away');
});
