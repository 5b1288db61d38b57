/** `npm run cutover`: exit code 0 all is well, 1 something was lost or hung, 2 usage. */
import { describeError } from '../../shared/runtime/error.ts';
import { Random, shuffled } from '../support/load/random.ts';
import { percentile } from '../support/percentile.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { UsageError } from '../support/usage.ts';
import { isWithinBar } from './forecast-pair.ts';
import { Journey } from './journey.ts';
import { serverNames } from './journey-servers.ts';
import { ALL_KILLS, type KillResult, killLine, killsOn, killTable } from './kill.ts';
import { type CutoverOptions, cutoverOptions, HELP, type Layout } from './options.ts';

/** Of the journey on which things are killed. */
const KILLED: Layout = { sources: 2, targets: 2 };

/** Inside a write stop, from the question for both logs to the last answer; half of them. */
const COMPARED_MS = 200;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const o = cutoverOptions(argv);
  if (o === undefined) {
    say(HELP);
    return 0;
  }
  const layouts = [...o.layouts, ...(o.kills.length > 0 ? [KILLED] : [])];
  const most = (side: keyof Layout): number => Math.max(...layouts.map(l => l[side]));
  const names = serverNames({ sources: most('sources'), targets: most('targets') });
  await using servers = await startServers({
    kafka: true,
    registry: true,
    mysql: names.map((name, i) => ({ name, serverId: 131 + i })),
    log: say,
  });
  const wrong: string[] = [];
  for (const layout of o.layouts) wrong.push(...(await travel(servers, o, layout)));
  if (o.kills.length > 0) wrong.push(...(await kill(servers, o)));
  for (const line of wrong) say(line);
  say(wrong.length === 0 ? 'nothing was lost, doubled or refused outside a write stop' : 'WRONG');
  return wrong.length === 0 ? 0 : 1;
}

async function travel(
  servers: Servers,
  { clients, perSecond, laps, shelves }: CutoverOptions,
  layout: Layout,
): Promise<string[]> {
  const o = { mysql: servers, kafka: servers.endpoints(), clients, perSecond, shelves, tell: say };
  const options = { streamingCheck: true };
  await using journey = await Journey.begin({ ...o, ...layout, options });
  const { app } = journey;
  await app.more(clients);
  const wrong: string[] = [];
  const ways = Array.from({ length: 2 * laps + 1 }, (_, i) => (i % 2 === 0 ? 'over' : 'back'));
  const stopsMs: number[] = [];
  const comparedMs: number[] = [];
  for (const way of ways) {
    if (way === 'over') await journey.rehearse();
    const { stopMs, steps } = await journey.go(way);
    stopsMs.push(stopMs);
    comparedMs.push(...steps.flatMap(s => (s.step === 'compare' ? [s.tookMs] : [])));
    await app.more(clients);
    await journey.carried(way === 'over' ? 'back' : 'over');
    // All rows of both sides are read: of many only once.
    if (shelves.rows > 0 && stopsMs.length < ways.length) continue;
    wrong.push(...(await journey.compare()));
    app.start();
  }
  await app.stop();
  await journey.finish();
  say(
    `${layout.sources} -> ${layout.targets}: ${app.acknowledged} writes over ${clients} ` +
      `connections, ${app.refusals.length} refused in write stops, ${app.unknown} looked up`,
  );
  say(`${stopsMs.length} write stops: ${spread(stopsMs)}`);
  say(`${comparedMs.length} comparisons inside them: ${spread(comparedMs)}`);
  if (percentile(comparedMs, 0.5) > COMPARED_MS) {
    wrong.push(
      `both logs were compared in ${percentile(comparedMs, 0.5)} ms: above ${COMPARED_MS}`,
    );
  }
  const within = journey.pairs.filter(isWithinBar).length;
  say(`${within} of ${journey.pairs.length} forecasts of write stops are within the bar`);
  return wrong;
}

const spread = (times: readonly number[]): string =>
  `p50 ${percentile(times, 0.5)} ms, longest ${Math.max(0, ...times)} ms`;

/** In an order by the seed, so that a few of them tell, too; a signal ends it behind a kill. */
async function kill(servers: Servers, { kills, steps, seed, cells }: CutoverOptions) {
  const all = ALL_KILLS.filter(
    ({ kind, point }) =>
      kills.includes(kind) && (steps.length === 0 || steps.some(s => point.includes(s))),
  );
  const left = shuffled(new Random(seed), all).slice(0, cells);
  say(`kills: ${left.length} of ${all.length}, --seed ${seed}`);
  const o = { mysql: servers, kafka: servers.endpoints(), tell: say };
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
  const results: KillResult[] = [];
  while (left.length > 0 && !stop.signal.aborted) {
    await using journey = await Journey.begin({ ...o, ...KILLED, clients: 12, perSecond: 60 });
    for await (const result of killsOn(journey, servers, left)) {
      results.push(result);
      say([killLine(result), ...result.wrong].join('\n  '));
      if (stop.signal.aborted) break;
    }
  }
  say(`\n${killTable(results)}`);
  return results.flatMap(r => r.wrong);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  const isUsage = e instanceof UsageError;
  process.stderr.write(`\ncutover: ${isUsage ? e.message : describeError(e)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
process.exit();
