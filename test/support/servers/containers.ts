/**
 * The back end of containers: the same servers with the same settings as local processes. Their
 * ports on the host are chosen before they start, because Kafka tells clients its own address.
 */
import { getContainerRuntimeClient, ImageName, type StartedNetwork } from 'testcontainers';
import type { Tell } from './cache.ts';
import {
  type ContainerServer,
  startContainer,
  startNetwork,
  sweepContainers,
} from './container.ts';
import { clusterSettings, servesAs } from './kafka-settings.ts';
import { LOGIN } from './mysql-data.ts';
import { answers, mysqlSettings } from './mysql-settings.ts';
import { freePorts } from './port.ts';
import { registryAnswers } from './registry-answers.ts';
import { serverSet } from './server-set.ts';
import {
  defaultFlavor,
  type KafkaServers,
  type KafkaSpec,
  type MysqlServer,
  type MysqlSpec,
  type RegistryServer,
  type Servers,
  type ServersSpec,
} from './servers.ts';
import { KAFKA, MARIADB, MYSQL, REGISTRY } from './versions.ts';

const READY_MS = 180_000;
const CLUSTER_ID = 'cmVzaGFyZC1zZXJ2ZXJzLQ';
const CLIENT_PORT = 9092;
const INNER_PORT = 9094;
const CONTROLLER_PORT = 9093;

interface Place {
  host: string;
  network: StartedNetwork;
  /** All that has been started, to be removed at the end. */
  started: ContainerServer[];
  tell: Tell;
}

/** The images of a spec; fetches those that the engine does not have. */
export async function fetchImages(spec: ServersSpec, tell: Tell): Promise<void> {
  const { image } = await getContainerRuntimeClient();
  for (const name of imagesOf(spec)) {
    const wanted = ImageName.fromString(name);
    if (await image.exists(wanted)) continue;
    tell(`fetching the image ${name}`);
    await image.pull(wanted);
  }
}

export async function startContainers(spec: ServersSpec, tell: Tell): Promise<Servers> {
  await sweepContainers(tell);
  await fetchImages(spec, tell);
  const { info } = await getContainerRuntimeClient();
  const { host } = info.containerRuntime;
  const place: Place = { host, network: await startNetwork(), started: [], tell };
  const dispose = async () => {
    await Promise.all(place.started.map(server => server.remove()));
    await place.network.stop();
  };
  try {
    const work = [startBroker(spec, place), startDatabases(spec, place)] as const;
    await Promise.allSettled(work);
    const [broker, mysql] = await Promise.all(work);
    return serverSet({ backEnd: 'containers', ...broker, mysql, dispose });
  } catch (e) {
    await dispose();
    throw e;
  }
}

function imagesOf(spec: ServersSpec): string[] {
  const images = (spec.mysql ?? []).map(m => databaseImage(m));
  if (spec.kafka) images.push(kafkaImage(spec.kafka));
  if (spec.registry) images.push(REGISTRY.image);
  return [...new Set(images)];
}

function kafkaImage(spec: true | KafkaSpec): string {
  const version = spec === true ? undefined : spec.version;
  return `${KAFKA.image}:${version ?? KAFKA.version}`;
}

function databaseImage(spec: MysqlSpec): string {
  return (spec.flavor ?? defaultFlavor()) === 'mariadb' ? MARIADB.image : MYSQL.image;
}

async function startBroker(spec: ServersSpec, place: Place) {
  if (!spec.kafka) return { kafka: undefined, registry: undefined };
  const kafkaSpec: KafkaSpec = spec.kafka === true ? { nodes: 1 } : spec.kafka;
  const { nodes } = kafkaSpec;
  const kafka = await startKafka(kafkaSpec, place);
  place.tell(`Kafka is up at ${kafka.brokers.join(', ')} (container)`);
  if (!spec.registry) return { kafka, registry: undefined };
  const registry = await startRegistry(nodes, place);
  place.tell(`the schema registry is up at ${registry.url} (container)`);
  return { kafka, registry };
}

async function startKafka(spec: KafkaSpec, place: Place): Promise<KafkaServers> {
  const { nodes, settings, heapMb = 512 } = spec;
  const ports = await freePorts(nodes);
  const brokers = ports.map(port => `${place.host}:${port}`);
  const voters = ports.map((_, i) => `${i + 1}@${kafkaName(i + 1)}:${CONTROLLER_PORT}`);
  const servers: ContainerServer[] = [];
  for (const [i, port] of ports.entries()) {
    const id = i + 1;
    const broker = `${place.host}:${port}`;
    const server = await startContainer({
      name: kafkaName(id),
      image: kafkaImage(spec),
      env: {
        CLUSTER_ID,
        KAFKA_HEAP_OPTS: `-Xmx${heapMb}m -Xms128m`,
        ...asEnvironment({
          'node.id': String(id),
          'process.roles': 'broker,controller',
          'controller.quorum.voters': voters.join(','),
          listeners: [
            `CLIENT://0.0.0.0:${CLIENT_PORT}`,
            `INNER://0.0.0.0:${INNER_PORT}`,
            `CONTROLLER://0.0.0.0:${CONTROLLER_PORT}`,
          ].join(','),
          'advertised.listeners': `CLIENT://${broker},INNER://${kafkaName(id)}:${INNER_PORT}`,
          'listener.security.protocol.map': 'CLIENT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
          'inter.broker.listener.name': 'INNER',
          'controller.listener.names': 'CONTROLLER',
          ...clusterSettings(nodes),
          ...settings,
        }),
      },
      ports: [{ container: CLIENT_PORT, host: port }],
      network: place.network,
      readyTimeoutMs: READY_MS,
      ready: () => servesAs([broker], 1),
    });
    place.started.push(server);
    servers.push(server);
  }
  for (const server of servers) await server.serves();
  return {
    brokers,
    nodes: servers.map((server, i) => ({
      id: i + 1,
      broker: brokers[i] ?? '',
      data: undefined,
      pid: undefined,
      ...control(server),
    })),
  };
}

function kafkaName(id: number): string {
  return `kafka-${id}`;
}

async function startRegistry(nodes: number, place: Place): Promise<RegistryServer> {
  const [port = 0] = await freePorts(1);
  const url = `http://${place.host}:${port}${REGISTRY.path}`;
  const inner = Array.from({ length: nodes }, (_, i) => `${kafkaName(i + 1)}:${INNER_PORT}`);
  const server = await startContainer({
    name: 'registry',
    image: REGISTRY.image,
    env: {
      APICURIO_STORAGE_KIND: 'kafkasql',
      APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: inner.join(','),
      QUARKUS_HTTP_PORT: '8080',
      QUARKUS_LOG_LEVEL: 'WARN',
      JAVA_OPTS_APPEND: '-Xmx256m',
    },
    ports: [{ container: 8080, host: port }],
    network: place.network,
    readyTimeoutMs: READY_MS,
    ready: () => registryAnswers(url),
  });
  place.started.push(server);
  await server.serves();
  return { url, pid: undefined, ...control(server) };
}

async function startDatabases(spec: ServersSpec, place: Place): Promise<MysqlServer[]> {
  return await Promise.all(
    (spec.mysql ?? []).map(async one => {
      const server = await startDatabase(one, place);
      place.tell(`${server.name}: ${server.version} is up at ${server.host}:${server.port}`);
      return server;
    }),
  );
}

async function startDatabase(spec: MysqlSpec, place: Place): Promise<MysqlServer> {
  const flavor = spec.flavor ?? defaultFlavor();
  const [port = 0] = await freePorts(1);
  const endpoint = { host: place.host, port, ...LOGIN };
  const settings = Object.entries(mysqlSettings(flavor, spec));
  const image = databaseImage(spec);
  const server = await startContainer({
    name: spec.name,
    image,
    env: {
      [flavor === 'mysql' ? 'MYSQL_ROOT_PASSWORD' : 'MARIADB_ROOT_PASSWORD']: LOGIN.password,
    },
    command: settings.map(([key, value]) => `--${key}=${value}`),
    ports: [{ container: 3306, host: port }],
    network: place.network,
    readyTimeoutMs: READY_MS,
    ready: () => answers(endpoint),
  });
  place.started.push(server);
  await server.serves();
  return {
    name: spec.name,
    flavor,
    version: image,
    ...endpoint,
    endpoint,
    socket: undefined,
    pid: undefined,
    ...control(server),
    async restart() {
      await server.stop();
      await server.start();
    },
  };
}

function control(server: ContainerServer) {
  return {
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}

/** How the image takes settings: KAFKA_ and the name in capitals with underscores. */
function asEnvironment(settings: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      `KAFKA_${key.replaceAll('.', '_').toUpperCase()}`,
      value,
    ]),
  );
}
