/**
 * `npm run demo -- --cutover`: a live application goes over to other servers and comes back, in
 * write stops that it measures itself. What the job says of them stands beside it.
 */
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import { Journey } from '../cutover/journey.ts';
import { serverNames } from '../cutover/journey-servers.ts';
import { startServers } from '../support/servers/servers.ts';
import { count, type Narrator } from './narrator.ts';
import type { DemoOptions } from './options.ts';

/** Each client is on one shard, however many there are. */
const MULTIPLE = 6;

/** Answers what is wrong: nothing, if every write that was acknowledged is there once. */
export async function runCutoverDemo(
  { sources, targets, connections, rate }: DemoOptions,
  narrator: Narrator,
): Promise<string[]> {
  const names = serverNames({ sources, targets });
  narrator.step(`Starting Kafka, a schema registry and ${names.length} MySQL servers`);
  await using servers = await startServers({
    kafka: true,
    registry: true,
    mysql: names.map((name, i) => ({ name, serverId: 131 + i })),
    log: line => narrator.say(line),
  });
  const clients = Math.max(1, Math.round(connections / MULTIPLE)) * MULTIPLE;
  const perSecond = rate === 0 ? 300 : rate;
  narrator.step(
    `An application writes over ${clients} connections, and the job copies and follows`,
  );
  await using journey = await Journey.begin({
    ...{ mysql: servers, kafka: servers.endpoints(), sources, targets, clients, perSecond },
    tell: line => narrator.say(line),
  });
  const { app } = journey;
  await app.more(clients);
  narrator.say(`copied; ${count(app.acknowledged)} writes so far, and it goes on`);
  narrator.step(
    'Rehearsal: all rows are proven equal, then each step but those that change something',
  );
  await journey.rehearse();
  narrator.step('Cutover: writes stop, everything drains, the application is let onto the targets');
  const over = await journey.go('over');
  await app.more(3 * clients);
  told(narrator, over, app.longestStopMs);
  await journey.carried('back');
  narrator.say('it writes to the targets, and all of that is carried back to the sources');
  narrator.step('Rollback: the same machine the other way round, with all that was written since');
  const back = await journey.go('back');
  await app.more(3 * clients);
  told(narrator, back, app.longestStopMs);
  await journey.carried('over');
  narrator.step('The application stands still: its memory, sources and targets are compared');
  const wrong = await journey.compare();
  narrator.say(
    wrong.length === 0
      ? `${count(app.acknowledged)} acknowledged writes: each is there once, on its shard, on ` +
          `both sides; ${app.refusals.length} were refused, all of them in the two write stops`
      : wrong.slice(0, 20).join('\n   '),
  );
  narrator.say('docs/CUTOVER.md has the steps, and what to do when one of them fails');
  return wrong;
}

function told(narrator: Narrator, { stopMs }: CutoverRun, longestMs: number): void {
  narrator.say(`write stop ${stopMs} ms by the record, with the switch of the proxy`);
  narrator.say(`no client went longer than ${Math.round(longestMs)} ms without a write, so far`);
}
