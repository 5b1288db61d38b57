/**
 * I11, with several sources: a simulated application goes from two servers to three and back, over
 * again, and to the end, writing all the time. Every write that was acknowledged is there once, on
 * its shard; none is refused outside the write stops; no id is given out twice. `npm run cutover`
 * goes other ways too, with a thousand connections.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { Journey, serverNames } from './journey.ts';

const MINUTES = 60_000;

let mysql: Servers;

beforeAll(async () => {
  const names = serverNames({ sources: 2, targets: 3 });
  mysql = await startServers({ mysql: names.map((name, i) => ({ name, serverId: 131 + i })) });
}, 3 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

test(
  'from two servers to three, back, over again, and to the end',
  async () => {
    const tell = (line: string): void => console.log(line);
    const o = { mysql, sources: 2, targets: 3, clients: 48, perSecond: 80, tell };
    await using journey = await Journey.begin(o);
    const { app } = journey;
    await app.more(60);
    await journey.rehearse();
    for (const way of ['over', 'back', 'over'] as const) {
      await journey.go(way);
      await app.more(80);
      await journey.carried(way === 'over' ? 'back' : 'over');
      expect(await journey.compare()).toEqual([]);
      app.start();
    }
    await app.more(50);
    expect(await journey.compare()).toEqual([]);
    await journey.finish();
    console.log(
      `${app.acknowledged} writes, ${app.unknown} looked up, ${app.refusals.length} refused`,
    );
  },
  15 * MINUTES,
);
