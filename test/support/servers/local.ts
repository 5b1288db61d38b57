/** The back end of local processes: downloads one after the other, starts side by side. */
import { mkdir } from 'node:fs/promises';
import type { Tell } from './cache.ts';
import { startLocalKafka } from './local-kafka.ts';
import { startLocalMysql } from './local-mysql.ts';
import { startLocalRegistry } from './local-registry.ts';
import { type Flavor, findMysqld, type Mysqld } from './mysqld.ts';
import { endServersOf, makeRunFolder, removeFolder } from './run-folder.ts';
import { serverSet } from './server-set.ts';
import { defaultFlavor, type MysqlServer, type Servers, type ServersSpec } from './servers.ts';

export async function startLocal(spec: ServersSpec, tell: Tell): Promise<Servers> {
  const folder = spec.dir ?? (await makeRunFolder(tell));
  await mkdir(folder, { recursive: true });
  const detached = spec.detached ?? false;
  const dispose = async () => {
    await endServersOf(folder);
    await removeFolder(folder);
  };
  try {
    const place = { folder, detached, tell };
    const [broker, mysql] = await allOrNone([
      startBroker(spec, place),
      startDatabases(spec, place),
    ]);
    return serverSet({ backEnd: 'local', ...broker, mysql, dispose });
  } catch (e) {
    await endServersOf(folder);
    throw e;
  }
}

interface Place {
  folder: string;
  detached: boolean;
  tell: Tell;
}

async function startBroker(spec: ServersSpec, place: Place) {
  if (!spec.kafka) return { kafka: undefined, registry: undefined };
  const { nodes = 1, ...kafkaSpec } = spec.kafka === true ? {} : spec.kafka;
  const clock = stopwatch();
  const kafka = await startLocalKafka({ ...place, ...kafkaSpec, nodes });
  place.tell(`Kafka is up at ${kafka.brokers.join(', ')} (${clock()})`);
  if (!spec.registry) return { kafka, registry: undefined };
  const registry = await startLocalRegistry({ ...place, brokers: kafka.brokers });
  place.tell(`the schema registry is up at ${registry.url} (${clock()})`);
  return { kafka, registry };
}

async function startDatabases(spec: ServersSpec, place: Place): Promise<MysqlServer[]> {
  const clock = stopwatch();
  const programs = new Map<Flavor, Mysqld>();
  const started: MysqlServer[] = [];
  for (const one of spec.mysql ?? []) {
    const flavor = one.flavor ?? defaultFlavor();
    const mysqld = programs.get(flavor) ?? (await findMysqld(flavor, place.tell));
    programs.set(flavor, mysqld);
    const server = await startLocalMysql({ ...place, mysqld, spec: one });
    place.tell(
      `${server.name}: ${server.flavor} ${server.version} is up at ${server.host}:${server.port}` +
        ` (${clock()})`,
    );
    started.push(server);
  }
  return started;
}

/** Waits for all to settle, so that a failure leaves no server on its way up behind. */
async function allOrNone<A, B>(work: [Promise<A>, Promise<B>]): Promise<[A, B]> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

function stopwatch(): () => string {
  const begun = performance.now();
  return () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
}
