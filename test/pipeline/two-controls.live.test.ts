/**
 * I3 for the job's state: a control that was stopped in the middle of planning and wakes up after
 * another one has planned the job writes nothing any more.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseJob } from '../../shared/job/job-schema.ts';
import { type StateRecord, stateKey } from '../../shared/job/state/job-view.ts';
import { stateCodec } from '../../shared/job/state/open.ts';
import { readRecords } from '../../shared/job/state/record-writer.ts';
import { stateTopic } from '../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../shared/member/context.ts';
import { until } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { LOAD_TABLES } from '../support/load/tables.ts';
import { spawnReshard } from '../support/reshard-cli.ts';
import { ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

it(
  'a control that wakes up late leaves the plans of the one that has planned since, whole',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 300 });
    await using state = stateOf(job.jobFile);
    const args = ['service', 'control', job.jobFile, '--create-targets'];
    const start = (log: string, env: Record<string, string> = {}) =>
      spawnReshard(args, { log: path.join(job.dir, log), env: { RESHARD_LOG_JSON: '1', ...env } });
    const first = start('first.log', { RESHARD_FAILPOINT: 'control.after-plan:1:stop' });
    try {
      await until(async () => plansIn(await state.read()).length === 1, {
        timeoutMs: 2 * MINUTES,
        what: 'the first control to have planned one table',
      });
      // Other figures than the first one has seen, and will write if it can.
      const source = await job.sql();
      await source.run('DELETE FROM order_items');
      await source.run('DELETE FROM orders WHERE order_id % 2 = 0');
      await source.run(`ANALYZE TABLE ${LOAD_TABLES.join(', ')}`);
      await source.close();
      const second = start('second.log');
      await until(async () => (await state.read()).has(stateKey.job), {
        timeoutMs: MINUTES,
        what: 'the second control to have planned the job',
      });
      const planned = plansIn(await state.read());
      expect(planned).toHaveLength(LOAD_TABLES.length);
      first.kill('SIGCONT');
      const said = () => readFileSync(path.join(job.dir, 'first.log'), 'utf8');
      await until(() => said().includes('another control leads'), {
        timeoutMs: MINUTES,
        what: 'the first control to be fenced',
      });
      await until(() => said().includes('lease lost'), {
        timeoutMs: MINUTES,
        what: 'the first control to notice that it has lost its lease',
      });
      const after = await state.read();
      expect(plansIn(after)).toEqual(planned);
      second.kill('SIGTERM');
      expect(await second.exited).toBe(0);
    } finally {
      first.kill('SIGKILL');
    }
  },
  5 * MINUTES,
);

function plansIn(records: ReadonlyMap<string, StateRecord>): [string, StateRecord][] {
  return [...records].filter(([key]) => key.startsWith('plan/')).sort();
}

/** Reads the state as it is at a moment; empty while there is none. */
function stateOf(file: string) {
  const job = parseJob(readFileSync(file, 'utf8'), {});
  const kafka = kafkaOf(job, createLogger({ name: 'test', level: 'fatal' }), 'two-controls');
  const registry = registryOf(job);
  const read = async (): Promise<Map<string, StateRecord>> => {
    const topics = await (await kafka.admin()).listTopics();
    const subject = `${stateTopic(job.job)}-value`;
    const isThere = topics.includes(stateTopic(job.job)) && (await registry.latest(subject));
    if (!isThere) return new Map();
    return readRecords({ kafka, job, codec: await stateCodec(registry, job) });
  };
  return { read, [Symbol.asyncDispose]: () => kafka.close() };
}
