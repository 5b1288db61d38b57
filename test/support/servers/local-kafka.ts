/**
 * Kafka as local processes: KRaft, each node broker and controller at once. Formatted storage is
 * a template in the cache (one per node id), which saves a JVM start for each node of each run.
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { until } from '../../../shared/runtime/clock.ts';
import { cached, type Tell, withProgress } from './cache.ts';
import { ARCHIVE_MS, classArchive } from './class-archive.ts';
import { run } from './command.ts';
import { clusterSettings, servesAs } from './kafka-settings.ts';
import { copyWithDependencies, java, LONG_LIVED, SHORT_LIVED } from './maven.ts';
import { freePorts } from './port.ts';
import { ServerProcess } from './server-process.ts';
import type { KafkaServers } from './servers.ts';
import { KAFKA } from './versions.ts';

const HOST = '127.0.0.1';
const CLUSTER_ID = 'cmVzaGFyZC1zZXJ2ZXJzLQ';
const LOG = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];
const READY_MS = 90_000;
const HEAP_MB = 512;

interface Node {
  id: number;
  port: number;
  controllerPort: number;
}

export interface LocalKafkaOptions {
  nodes: number;
  settings?: Record<string, string> | undefined;
  heapMb?: number | undefined;
  isMeasured?: boolean | undefined;
  isLongLived?: boolean | undefined;
  stopTimeoutMs?: number;
  version?: string | undefined;
  folder: string;
  detached: boolean;
  tell: Tell;
}

/** Downloads what is missing; the class path of the server. */
export async function kafkaJars(tell: Tell, version = KAFKA.version): Promise<string> {
  const folder = await cached(`kafka-${version}`, aside =>
    withProgress(tell, `downloading Kafka ${version} (Maven)`, aside, () =>
      copyWithDependencies(
        [`org.apache.kafka:${KAFKA.artifact}:${version}`, `org.slf4j:slf4j-simple:${KAFKA.slf4j}`],
        path.join(aside, 'lib'),
      ),
    ),
  );
  return path.join(folder, 'lib', '*');
}

export async function startLocalKafka(options: LocalKafkaOptions): Promise<KafkaServers> {
  const { tell, version = KAFKA.version } = options;
  const jars = await kafkaJars(tell, version);
  const jvm = await classArchive(`kafka-${version}`, tell, async (flags, folder) => {
    const alone = { nodes: 1, version, folder, detached: false, tell, stopTimeoutMs: ARCHIVE_MS };
    const { nodes } = await startNodes(alone, jars, flags);
    return async () => void (await Promise.all(nodes.map(node => node.stop())));
  });
  return startNodes(options, jars, jvm);
}

async function startNodes(
  options: LocalKafkaOptions,
  jars: string,
  jvm: string[],
): Promise<KafkaServers> {
  const { nodes: count, heapMb = HEAP_MB, stopTimeoutMs = 30_000, folder, detached } = options;
  const ports = await freePorts(count * 2);
  const nodes = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    port: ports[2 * i] ?? 0,
    controllerPort: ports[2 * i + 1] ?? 0,
  }));
  const brokers = nodes.map(node => `${HOST}:${node.port}`);
  const command = await java();
  const own = options.isMeasured ? [] : options.isLongLived ? LONG_LIVED : SHORT_LIVED;
  const servers: { node: Node; server: ServerProcess }[] = [];
  for (const node of nodes) {
    const file = await prepare(node, nodes, options, jars);
    const server = new ServerProcess({
      name: `kafka-${node.id}`,
      command,
      args: [
        `-Xmx${heapMb}m`,
        '-Xms128m',
        ...own,
        ...jvm,
        ...LOG,
        '-cp',
        jars,
        'kafka.Kafka',
        file,
      ],
      folder,
      readyTimeoutMs: READY_MS,
      stopTimeoutMs,
      detached,
      // A node of several serves only when a quorum of them runs: wait for all, below.
      ready: async () => true,
    });
    await server.start();
    servers.push({ node, server });
  }
  await until(() => servesAs(brokers, count).catch(() => false), {
    timeoutMs: READY_MS,
    what: `Kafka to serve (see ${folder})`,
  });
  return {
    brokers,
    nodes: servers.map(({ node, server }) => {
      const broker = `${HOST}:${node.port}`;
      return {
        id: node.id,
        broker,
        data: dataFolder(folder, node),
        get pid() {
          return server.pid;
        },
        async start() {
          await server.start();
          await until(() => servesAs([broker], 1).catch(() => false), {
            timeoutMs: READY_MS,
            what: `Kafka node ${node.id} to serve`,
          });
        },
        stop: () => server.stop(),
        kill: () => server.kill(),
      };
    }),
  };
}

function dataFolder(folder: string, node: Node): string {
  return path.join(folder, `kafka-${node.id}`, 'data');
}

/** Writes the node's settings and storage; the settings file. */
async function prepare(
  node: Node,
  nodes: Node[],
  { folder, settings, version }: LocalKafkaOptions,
  jars: string,
): Promise<string> {
  const home = path.join(folder, `kafka-${node.id}`);
  await mkdir(home, { recursive: true });
  const data = dataFolder(folder, node);
  const file = path.join(home, 'server.properties');
  await writeFile(file, properties({ ...nodeSettings(node, nodes, data), ...settings }));
  await cp(await formatted(node, jars, version), data, { recursive: true });
  return file;
}

async function formatted(node: Node, jars: string, version = KAFKA.version): Promise<string> {
  const folder = await cached(`kafka-${version}-data-${node.id}`, async aside => {
    const file = path.join(aside, 'format.properties');
    await writeFile(file, properties(nodeSettings(node, [node], path.join(aside, 'data'))));
    const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file];
    await run(await java(), [...LOG, '-cp', jars, ...format]);
  });
  return path.join(folder, 'data');
}

function nodeSettings(node: Node, nodes: Node[], data: string): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': nodes.map(n => `${n.id}@${HOST}:${n.controllerPort}`).join(','),
    listeners: `PLAINTEXT://${HOST}:${node.port},CONTROLLER://${HOST}:${node.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    ...clusterSettings(nodes.length),
  };
}

function properties(settings: Record<string, string>): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  return `${lines.join('\n')}\n`;
}
