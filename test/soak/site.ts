/**
 * Servers of the soak, its own, since it kills them: one source, two targets, Kafka, a registry.
 * Our services reach the databases through proxies, the load and the judges do not.
 */
import { TcpProxy } from '../support/fault/tcp-proxy.ts';
import { type MysqlServer, type Servers, startServers } from '../support/servers/servers.ts';

export interface Database {
  name: string;
  server: MysqlServer;
  proxy: TcpProxy;
}

export interface Site extends AsyncDisposable {
  servers: Servers;
  source: Database;
  targets: Database[];
  kafkaNodes: number;
}

export async function openSite(o: {
  kafkaNodes: number;
  connections: number;
  tell: (line: string) => void;
}): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  // Connections of a proxy that went silent linger until the server's own time limit.
  const settings = { 'max-connections': String(o.connections + 500), 'connect-timeout': '60' };
  const servers = stack.use(
    await startServers({
      kafka: { nodes: o.kafkaNodes },
      registry: true,
      mysql: [
        { name: 'source', serverId: 101, settings },
        { name: 'target1', serverId: 201 },
        { name: 'target2', serverId: 202 },
      ],
      log: o.tell,
    }),
  );
  const database = async (name: string): Promise<Database> => {
    const server = servers.mysql(name);
    return { name, server, proxy: stack.use(await TcpProxy.open(server.endpoint)) };
  };
  const source = await database('source');
  const targets = [await database('target1'), await database('target2')];
  const owned = stack.move();
  return {
    servers,
    source,
    targets,
    kafkaNodes: o.kafkaNodes,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Where our services reach a database. */
export function proxied({ server, proxy }: Database) {
  return { ...server.endpoint, host: proxy.host, port: proxy.port };
}
