/**
 * The servers of a whole test run: started before the first live test, ended after the last.
 * With RESHARD_DEV nothing is started: the tests use servers that run already (dev.ts).
 */
import type { TestProject } from 'vitest/node';
import '../dev.ts';
import { type Servers, startServers } from './servers.ts';

/** One set for all projects of the run; the last one that lets go ends it. */
interface Shared {
  holders: number;
  servers: Promise<Servers>;
}

const SHARED: unique symbol = Symbol.for('reshard.test.servers');
const place: typeof globalThis & { [SHARED]?: Shared } = globalThis;

/** Names of files, or of folders of them, come first in such an argument. */
const PLACE = /^(test|services|shared|schemas)\//;
/** The one that is no test. */
const CONFIG = '/vitest.config.ts';

function started(): Promise<Servers> {
  // A run of some files is over before it would pay.
  const isLongLived = !process.argv.some(a => PLACE.test(a) && !a.endsWith(CONFIG));
  return startServers({
    kafka: { nodes: 1, isLongLived },
    registry: true,
    mysql: [
      { name: 's1', serverId: 101 },
      { name: 't1', serverId: 201 },
      { name: 't2', serverId: 202 },
    ],
    log: line => process.stderr.write(`${line}\n`),
  });
}

export async function setup(project: TestProject): Promise<void> {
  if (process.env.RESHARD_DEV !== undefined) return;
  const shared: Shared = place[SHARED] ?? { holders: 0, servers: started() };
  place[SHARED] = shared;
  shared.holders += 1;
  project.provide('servers', (await shared.servers).endpoints());
}

export async function teardown(): Promise<void> {
  const shared = place[SHARED];
  if (shared === undefined) return;
  shared.holders -= 1;
  if (shared.holders > 0) return;
  delete place[SHARED];
  const servers = await shared.servers;
  await servers[Symbol.asyncDispose]();
}
