/** The servers of a demo: started for it, or named by RESHARD_DEV for work on the demo itself. */
import { readFileSync } from 'node:fs';
import type { MysqlServer } from '../support/job-file.ts';
import { type Endpoints, startServers } from '../support/servers/servers.ts';

export const DATABASE = 'shop';

export type Sites = AsyncDisposable & {
  brokers: string[];
  registryUrl: string;
  sources: MysqlServer[];
  targets: MysqlServer[];
};

export async function openSites(
  sources: number,
  targets: number,
  tell: (line: string) => void,
): Promise<Sites> {
  const sourceNames = names('s', sources);
  const targetNames = names('t', targets);
  const pick = ({ brokers, registryUrl, mysql }: Endpoints) => ({
    brokers,
    registryUrl,
    sources: sourceNames.map(name => named(mysql, name)),
    targets: targetNames.map(name => named(mysql, name)),
  });
  const file = process.env.RESHARD_DEV;
  if (file !== undefined) {
    tell(`using the servers of ${file}`);
    const running: Endpoints = JSON.parse(readFileSync(file, 'utf8'));
    return { ...pick(running), [Symbol.asyncDispose]: async () => undefined };
  }
  const servers = await startServers({
    kafka: true,
    registry: true,
    mysql: [
      ...sourceNames.map((name, i) => ({ name, serverId: 101 + i })),
      ...targetNames.map((name, i) => ({ name, serverId: 201 + i })),
    ],
    log: tell,
  });
  return {
    ...pick(servers.endpoints()),
    [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose](),
  };
}

function names(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
}

function named(mysql: Record<string, MysqlServer>, name: string): MysqlServer {
  const server = mysql[name];
  if (server === undefined) throw new Error(`there is no MySQL server ${name}`);
  return server;
}
