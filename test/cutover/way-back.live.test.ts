/**
 * I11 on real servers, with a way back: over to the targets and back to the sources, under an
 * application that remembers every write it was told is done.
 */
import { afterAll, beforeAll, test } from 'vitest';
import { SERVICES, ShopJob } from '../pipeline/shop-job.ts';
import type { Servers } from '../support/servers/servers.ts';

const MINUTES = 60_000;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  job = await ShopJob.prepare({ mysql, orders: 300, cutover: { back: {} } });
  job.start(...SERVICES);
  await job.copied();
}, 3 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
});

test('the log of the targets has all that the sink has written, from the first row on', async () => {
  await job.drained();
  await using back = await job.targetConsumer();
  await job.expectTargetsFollowed(back);
});
