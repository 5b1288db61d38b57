/** I6 and T1 at rest, I7 in short: the job ends equal, whatever was stopped or killed meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../services/control/status/status.ts';
import { Random } from '../support/load/random.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, type Service, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

/** Small chunks, so that there is something to interrupt. */
const SLOW_COPY = { chunkRows: 200, chunkBytes: 16 * 1024, inFlightBytes: 1024 * 1024 };

function movement(s: Status | undefined): string {
  return `${s?.tables.map(t => t.done).join('/')}, applied ${s?.targets.map(t => t.rows).join('/')}`;
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

let mysql: Servers;

beforeAll(async () => {
  mysql = await ShopJob.servers();
}, 2 * MINUTES);

afterAll(() => mysql[Symbol.asyncDispose]());

describe('a job under load', () => {
  it(
    'ends equal: snapshot and binlog together, and for a consumer that knows nothing of us',
    async () => {
      await using job = await ShopJob.prepare({ mysql, orders: 8_000 });
      await using load = job.load(80);
      job.start(...SERVICES);
      await job.until('the job to be prepared', () => true, MINUTES);
      await using consumer = await job.plainConsumer();
      await job.copied();
      await pause(2000);
      const stats = await load.stop();
      expect(stats.total('done')).toBeGreaterThan(100);
      await job.drained();
      await job.expectEqual();
      await job.expectFollowed(consumer);
      expect((await job.verify()).code).toBe(0);
    },
    5 * MINUTES,
  );

  it(
    'ends equal when each service is killed and started again at random times',
    async () => {
      await using job = await ShopJob.prepare({ mysql, orders: 9_000, options: SLOW_COPY });
      const random = new Random(job.seed, 77);
      job.start(...SERVICES);
      await job.until('the job to be prepared', () => true, MINUTES);
      await using load = job.load(80);
      await using consumer = await job.plainConsumer();
      const kills: string[] = [];
      const order: Service[] = [...SERVICES, 'binlog'];
      for (const service of order) {
        // A lease of a killed owner takes seconds to pass: without some progress between them,
        // the kills would all meet a standing pipeline.
        const before = movement(job.status);
        await job.until('progress', s => movement(s) !== before, MINUTES);
        await pause(random.between(0, 1500));
        kills.push(`${service} at ${movement(job.status)}`);
        await job.end(service, 'SIGKILL');
        await pause(random.between(0, 700));
        job.start(service);
      }
      console.log(`killed: ${kills.join(', ')}`);
      await job.copied();
      await load.stop();
      await job.drained();
      await job.expectEqual();
      await job.expectFollowed(consumer);
      expect((await job.verify()).code).toBe(0);
    },
    8 * MINUTES,
  );

  it(
    'ends equal when each service is stopped by SIGTERM, which exits 0, and started again',
    async () => {
      await using job = await ShopJob.prepare({ mysql, orders: 6_000, options: SLOW_COPY });
      await using load = job.load(80);
      job.start(...SERVICES);
      await job.until('some rows', s => s.tables.some(t => t.done > 0), MINUTES);
      for (const service of SERVICES) {
        expect({ service, exit: await job.end(service, 'SIGTERM') }).toEqual({ service, exit: 0 });
        job.start(service);
        await pause(500);
      }
      await job.copied();
      await load.stop();
      await job.drained();
      await job.expectEqual();
    },
    5 * MINUTES,
  );
});
