/** Servers of a bench run: of its own, or those of a file. */
import { readFileSync } from 'node:fs';
import { startServers } from '../support/servers/servers.ts';
import type { BenchServers } from './rig.ts';

const FIRST_JOIN_DELAY = 'group.initial.rebalance.delay.ms';
const NAMES = ['s1', 't1', 't2'];

export interface BenchRun extends AsyncDisposable {
  servers: BenchServers;
}

export async function benchServers(
  file: string | undefined,
  o: {
    say: (line: string) => void;
    /** A broker that lets the first members of a group wait for others, as it does by default. */
    asItComes: boolean;
  },
): Promise<BenchRun> {
  if (file !== undefined) {
    const servers: BenchServers = JSON.parse(readFileSync(file, 'utf8'));
    return {
      servers: { ...servers, pids: servers.pids ?? {} },
      [Symbol.asyncDispose]: async () => {},
    };
  }
  const up = await startServers({
    kafka: {
      nodes: 1,
      settings: o.asItComes ? { [FIRST_JOIN_DELAY]: '3000' } : {},
      isMeasured: true,
    },
    registry: true,
    mysql: NAMES.map((name, i) => ({ name, serverId: 101 + i })),
    log: o.say,
  });
  const mysql: BenchServers['mysql'] = {};
  const pids: Record<string, number> = {};
  for (const name of NAMES) {
    const { host, port, user, password, pid } = up.mysql(name);
    mysql[name] = { host, port, user, password };
    if (pid !== undefined) pids[`mysql ${name}`] = pid;
  }
  const kafkaPid = up.kafka.nodes[0]?.pid;
  if (kafkaPid !== undefined) pids.kafka = kafkaPid;
  return {
    servers: { brokers: up.kafka.brokers, registryUrl: up.registry.url, mysql, pids },
    [Symbol.asyncDispose]: () => up[Symbol.asyncDispose](),
  };
}
