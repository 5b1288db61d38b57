/**
 * I11: the short form of `npm run cutover -- --kills all`: some things are killed around the freeze or
 * around the journal, and one more wherever. A seed chooses them, which is printed: RESHARD_SEED
 * repeats it. An application writes all the time, to two servers or from there to two others.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAILPOINTS as AT } from '../../shared/runtime/failpoint.ts';
import { newSeed, Random, shuffled } from '../support/load/random.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { Journey } from './journey.ts';
import { serverNames } from './journey-servers.ts';
import { ALL_KILLS, type Kill, killAt, killLine, killsOn } from './kill.ts';

const MINUTES = 60_000;
const LAYOUT = { sources: 2, targets: 2 };
/** So many of these are chosen. */
const CHOOSE = 1;
/** One of each thing. */
const AROUND: readonly Kill[] = [
  { kind: 'source', way: 'over', point: AT.cutoverBeforePersist },
  { kind: 'binlog', way: 'over', point: AT.cutoverBeforeTurn },
  { kind: 'target', way: 'back', point: AT.cutoverAfterFreeze },
  { kind: 'sink', way: 'back', point: AT.cutoverBeforeJournal },
  { kind: 'broker', way: 'over', point: AT.cutoverBeforeJournal },
  { kind: 'command', way: 'over', point: AT.cutoverBeforeFreeze },
];
/** The application has come back: what is undone then can be finished. */
const LAST: Kill = { kind: 'control', way: 'over', point: AT.cutoverAfterFreeze };

let servers: Servers;

beforeAll(async () => {
  const mysql = serverNames(LAYOUT).map((name, i) => ({ name, serverId: 141 + i }));
  servers = await startServers({ kafka: true, registry: true, mysql });
}, 3 * MINUTES);

afterAll(() => servers?.[Symbol.asyncDispose]());

test(
  'killed around the freeze and the journal, both ways: undone and open, or finished',
  async () => {
    const seed = Number(process.env.RESHARD_SEED ?? newSeed());
    const random = new Random(seed);
    const kills = [...shuffled(random, AROUND).slice(0, CHOOSE), random.pick(ALL_KILLS)];
    const told = kills.map(k => Object.values(k).join(' '));
    console.log(`seed ${seed} (RESHARD_SEED=${seed} repeats it): ${told.join(', ')}`);
    await using journey = await Journey.begin({
      ...{ mysql: servers, kafka: servers.endpoints(), ...LAYOUT },
      ...{ clients: 12, perSecond: 60 },
    });
    for await (const result of killsOn(journey, servers, kills)) {
      console.log(killLine(result));
      expect(result.wrong).toEqual([]);
    }
    if (journey.place === 'over') await journey.go('back');
    const undone = await killAt(journey, servers, LAST);
    expect(undone).toMatchObject({ result: 'undone and open', wrong: [] });
    await journey.finish();
    expect((await journey.well()).headline.text).toMatch(/^finished: .* stays on the sources/);
  },
  15 * MINUTES,
);
