/**
 * I11, with several sources: a simulated application goes from two servers to three and back, over
 * again, and to the end, writing all the time. Every write that was acknowledged is there once, on
 * its shard; none is refused outside the write stops; no id is given out twice. A rehearsal
 * forecasts each step of a write stop; how well is printed (forecast-pair.ts), since that goes by
 * who else uses the machine. `npm run cutover` goes other ways too, with a thousand connections.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import { FEW_PARTITIONS } from '../pipeline/shop-job.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { Journey } from './journey.ts';
import { serverNames } from './journey-servers.ts';

const MINUTES = 60_000;

/** Steps of the write stop: each has a forecast, and nothing else has. */
function insideOf({ steps }: CutoverRun): string[] {
  return steps.map(s => s.step).filter(step => step !== 'gates' && step !== 'marker');
}

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
    const options = { partitions: FEW_PARTITIONS };
    const o = { mysql, sources: 2, targets: 3, clients: 24, perSecond: 40, options, tell };
    await using journey = await Journey.begin(o);
    const { app } = journey;
    await app.more(60);
    for (const way of ['over', 'back', 'over'] as const) {
      if (way === 'over') await journey.rehearse();
      const run = await journey.go(way);
      if (way === 'over') expect(insideOf(run)).toEqual(journey.pairs.at(-1)?.named);
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
