/** `npm run cutover`: exit code 0 all is well, 1 something was lost or hung, 2 usage. */
import type { Way } from '../../shared/job/state/cutover.ts';
import { describeError } from '../../shared/runtime/error.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { UsageError } from '../support/usage.ts';
import { Journey, serverNames } from './journey.ts';
import { type Kill, type KillResult, killAt, killTable, POINTS } from './kill.ts';
import { type CutoverOptions, cutoverOptions, HELP, type Layout } from './options.ts';

/** Of the journey on which things are killed. */
const KILLED: Layout = { sources: 2, targets: 2 };

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
  if (o.kills.length > 0) wrong.push(...(await killAll(servers, o)));
  for (const line of wrong) say(line);
  say(wrong.length === 0 ? 'nothing was lost, doubled or refused outside a write stop' : 'WRONG');
  return wrong.length === 0 ? 0 : 1;
}

async function travel(
  servers: Servers,
  { clients, perSecond }: CutoverOptions,
  layout: Layout,
): Promise<string[]> {
  const o = { mysql: servers, kafka: servers.endpoints(), clients, perSecond, tell: say };
  await using journey = await Journey.begin({ ...o, ...layout });
  const { app } = journey;
  await app.more(clients);
  await journey.rehearse();
  const wrong: string[] = [];
  for (const way of ['over', 'back', 'over'] as const) {
    await journey.go(way);
    await app.more(clients);
    await journey.carried(way === 'over' ? 'back' : 'over');
    wrong.push(...(await journey.compare()));
    app.start();
  }
  await app.stop();
  await journey.finish();
  say(
    `${layout.sources} -> ${layout.targets}: ${app.acknowledged} writes over ${clients} ` +
      `connections, ${app.refusals.length} refused in write stops, ${app.unknown} looked up`,
  );
  return wrong;
}

/** Both ways by turns: what is left for a way is done while the application can go it. */
async function killAll(servers: Servers, { kills, steps }: CutoverOptions): Promise<string[]> {
  const o = { mysql: servers, kafka: servers.endpoints(), tell: say };
  await using journey = await Journey.begin({
    ...o,
    ...{ ...KILLED, clients: 12, perSecond: 40 },
  });
  const points = POINTS.filter(p => steps.length === 0 || steps.some(s => p.includes(s)));
  const left: Kill[] = kills.flatMap(kind =>
    (['over', 'back'] as Way[]).flatMap(way => points.map(point => ({ kind, point, way }))),
  );
  const results: KillResult[] = [];
  while (left.length > 0) {
    const way = journey.place === 'over' ? 'back' : 'over';
    const at = left.findIndex(k => k.way === way);
    if (at < 0) await journey.go(way);
    else {
      const [kill] = left.splice(at, 1);
      if (kill === undefined) break;
      const result = await killAt(journey, servers, kill);
      results.push(result);
      say(killTable([result]).split('\n').at(-1) ?? '');
      for (const line of result.wrong) say(`  ${line}`);
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
