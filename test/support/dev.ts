/**
 * Endpoints of the servers that a live test may use: those that the test run has started, or, with
 * RESHARD_DEV=<file>, servers that are running already. They are shared: a test uses names of its
 * own for databases, topics and groups, and starts servers of its own when it wants to kill one.
 */
import { readFileSync } from 'node:fs';
import { inject } from 'vitest';

export interface DevServers {
  brokers: string[];
  registryUrl: string;
  mysql: Record<string, { host: string; port: number; user: string; password: string }>;
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: DevServers;
  }
}

/** Where the common server of this name is: `s1`, `t1` or `t2`. */
export function commonServer(name: string): DevServers['mysql'][string] {
  const found = servers().mysql[name];
  if (found === undefined) throw new Error(`there is no common server ${name}`);
  return found;
}

export function servers(): DevServers {
  const file = process.env.RESHARD_DEV;
  if (file !== undefined) return JSON.parse(readFileSync(file, 'utf8'));
  return inject('servers');
}
