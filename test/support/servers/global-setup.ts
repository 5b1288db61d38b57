/**
 * The servers of a whole test run: started before the first live test, ended after the last.
 * With RESHARD_DEV nothing is started: the tests use servers that run already (dev.ts).
 */
import type { TestProject } from 'vitest/node';
import '../dev.ts';
import { type Servers, startServers } from './servers.ts';

let servers: Servers | undefined;

export async function setup(project: TestProject): Promise<void> {
  if (process.env.RESHARD_DEV !== undefined) return;
  servers = await startServers({
    kafka: true,
    registry: true,
    mysql: [
      { name: 's1', serverId: 101 },
      { name: 't1', serverId: 201 },
      { name: 't2', serverId: 202 },
    ],
    log: line => process.stderr.write(`${line}\n`),
  });
  project.provide('servers', servers.endpoints());
}

export async function teardown(): Promise<void> {
  await servers?.[Symbol.asyncDispose]();
}
