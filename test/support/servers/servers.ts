/**
 * Real servers for tests, bench and demo: Kafka, a schema registry, any number of MySQL servers.
 * One interface, two back ends: processes on this machine, or containers. Disposing ends all
 * servers and removes their data; what a killed run leaves is removed by the next one.
 */

import { chooseBackEnd } from './back-end.ts';
import type { Tell } from './cache.ts';
import type { Flavor } from './mysqld.ts';

export type { Tell } from './cache.ts';
export type { Flavor } from './mysqld.ts';

export interface MysqlSpec {
  name: string;
  serverId: number;
  /** By default what RESHARD_DATABASE says, else mysql. */
  flavor?: Flavor;
  /** Server options, by their name in an option file. */
  settings?: Record<string, string>;
  /** Runs by this command, and is reached there; only for processes, not for containers. */
  within?: { command: readonly string[]; host: string };
}

export interface KafkaSpec {
  nodes: number;
  settings?: Record<string, string>;
  /** Memory of a node, 512 by default. */
  heapMb?: number;
  /** Its throughput counts: the JVM takes the time to compile for it, as it does by default. */
  isMeasured?: boolean;
  /** It serves many tests: the JVM takes the time to compile for it, too. */
  isLongLived?: boolean | undefined;
  /** By default the one that versions.ts is pinned to. */
  version?: string;
}

export interface ServersSpec {
  mysql?: MysqlSpec[];
  kafka?: boolean | KafkaSpec;
  /** Needs Kafka. */
  registry?: boolean;
  /** A folder for data and logs instead of one in the cache. */
  dir?: string;
  /** The servers live on when this process ends; only for processes, not for containers. */
  detached?: boolean;
  /** Told each step, for people. */
  log?: Tell;
}

export interface Control {
  start(): Promise<void>;
  /** An orderly end. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface MysqlEndpoint {
  host: string;
  port: number;
  user: string;
  password: string;
}

export interface MysqlServer extends MysqlEndpoint, Control {
  name: string;
  flavor: Flavor;
  version: string;
  /** What a client connects with. */
  endpoint: MysqlEndpoint;
  /** Undefined in a container. */
  socket: string | undefined;
  /** Undefined when it does not run, and in a container. */
  readonly pid: number | undefined;
  restart(): Promise<void>;
}

export interface KafkaNode extends Control {
  id: number;
  broker: string;
  /** Where its logs are; undefined in a container. */
  readonly data: string | undefined;
  readonly pid: number | undefined;
}

export interface KafkaServers {
  brokers: string[];
  nodes: KafkaNode[];
}

export interface RegistryServer extends Control {
  /** Base address of the Confluent API. */
  url: string;
  readonly pid: number | undefined;
}

export interface Servers extends AsyncDisposable {
  readonly backEnd: 'local' | 'containers';
  readonly kafka: KafkaServers;
  readonly registry: RegistryServer;
  mysql(name: string): MysqlServer;
  /** Plain data, to hand to another process. */
  endpoints(): Endpoints;
}

export interface Endpoints {
  brokers: string[];
  registryUrl: string;
  mysql: Record<string, MysqlEndpoint>;
}

export function defaultFlavor(): Flavor {
  return process.env.RESHARD_DATABASE === 'mariadb' ? 'mariadb' : 'mysql';
}

export async function startServers(spec: ServersSpec): Promise<Servers> {
  const tell = spec.log ?? (() => {});
  const start = await chooseBackEnd(spec, tell);
  return await start(spec, tell);
}
