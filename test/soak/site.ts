/**
 * Servers of the soak, its own, since it kills them: one source, two targets, Kafka, a registry.
 * Between our services and a database is a network that can be broken: a link into the database's
 * own namespace where we may make one, else a proxy. The load and the judges do not use it.
 */
import { Namespace } from '../support/fault/namespace.ts';
import type { BreakableNetwork } from '../support/fault/network.ts';
import { TcpProxy } from '../support/fault/tcp-proxy.ts';
import {
  type MysqlEndpoint,
  type MysqlServer,
  type Servers,
  startServers,
} from '../support/servers/servers.ts';

export type NetworkKind = 'namespaces' | 'proxies';

export interface Database {
  name: string;
  server: MysqlServer;
  network: BreakableNetwork;
  /** Where our services reach it: by the network that breaks. */
  endpoint: MysqlEndpoint;
}

export interface Site extends AsyncDisposable {
  servers: Servers;
  source: Database;
  targets: Database[];
  kafkaNodes: number;
  network: NetworkKind;
}

export interface SiteOptions {
  kafkaNodes: number;
  connections: number;
  /** Undefined: namespaces if they can be made. */
  network: NetworkKind | undefined;
  tell: (line: string) => void;
}

export async function openSite(o: SiteOptions): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const names = ['source', 'target1', 'target2'];
  const namespaces = new Map<string, Namespace>();
  if (await wantsNamespaces(o)) {
    for (const [i, name] of names.entries()) {
      namespaces.set(name, stack.use(await Namespace.open(i)));
    }
  }
  // Connections of a network that went silent linger until the server's own time limit.
  const settings = { 'max-connections': String(o.connections + 500), 'connect-timeout': '60' };
  const servers = stack.use(
    await startServers({
      kafka: { nodes: o.kafkaNodes },
      registry: true,
      mysql: names.map((name, i) => {
        const namespace = namespaces.get(name);
        const within = namespace && { command: namespace.command, host: namespace.steadyHost };
        return { name, serverId: 101 + 100 * i, settings, ...(within ? { within } : {}) };
      }),
      log: o.tell,
    }),
  );
  const database = async (name: string): Promise<Database> => {
    const server = servers.mysql(name);
    const namespace = servers.backEnd === 'local' ? namespaces.get(name) : undefined;
    if (namespace) {
      const endpoint = { ...server.endpoint, host: namespace.host };
      return { name, server, network: namespace, endpoint };
    }
    const proxy = stack.use(await TcpProxy.open(server.endpoint));
    const endpoint = { ...server.endpoint, host: proxy.host, port: proxy.port };
    return { name, server, network: proxy, endpoint };
  };
  const source = await database('source');
  const targets = [await database('target1'), await database('target2')];
  const network = source.network instanceof Namespace ? 'namespaces' : 'proxies';
  o.tell(`networks of the databases: ${network}`);
  const owned = stack.move();
  return {
    servers,
    source,
    targets,
    kafkaNodes: o.kafkaNodes,
    network,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function wantsNamespaces({ network, tell }: SiteOptions): Promise<boolean> {
  if (network === 'proxies') return false;
  const refusal = await Namespace.refusal();
  if (refusal === undefined) return true;
  if (network === 'namespaces') throw new Error(`no network namespaces: ${refusal}`);
  tell(`no network namespaces (${refusal}): proxies`);
  return false;
}
