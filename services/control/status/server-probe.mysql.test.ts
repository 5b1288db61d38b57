/** What a status says of a server that does not let it in. */
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { ServerProbe } from './server-probe.ts';

test('a login that fails is told of the side that the server is on', async () => {
  const server = { ...commonServer('t1'), password: 'another', database: 'd' };
  const file = {
    job: 'probed',
    kind: 'copy',
    kafka: { brokers: ['127.0.0.1:1'] },
    registry: { url: 'http://127.0.0.1:1' },
    sources: [{ name: 's1', ...server }],
    targets: [{ name: 't1', ...server }],
    tables: [{ name: 'k' }],
  };
  const job = parseJob(JSON.stringify(file), {});
  await using probe = new ServerProbe(job, createLogger({ name: 'test', level: 'silent' }));
  expect([await probe.executed('s1'), await probe.applied('t1')]).toEqual([null, null]);
  expect(probe.whyNot('source/s1')).toMatch(/^denied: .*[(]side=source /);
  expect(probe.whyNot('target/t1')).toMatch(/^denied: .*[(]side=target /);
});
