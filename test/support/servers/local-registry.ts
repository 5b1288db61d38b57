/** The schema registry as a local process; what it knows is in Kafka, so it may be killed. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { cached, type Tell, withProgress } from './cache.ts';
import { ARCHIVE_MS, classArchive } from './class-archive.ts';
import { run } from './command.ts';
import { copyArtifact, java, SHORT_LIVED } from './maven.ts';
import { freePorts } from './port.ts';
import { registryAnswers } from './registry-answers.ts';
import { ServerProcess } from './server-process.ts';
import type { RegistryServer } from './servers.ts';
import { REGISTRY } from './versions.ts';

const HOST = '127.0.0.1';
const JVM = ['-Xmx256m', ...SHORT_LIVED];

export interface LocalRegistryOptions {
  brokers: string[];
  stopTimeoutMs?: number;
  folder: string;
  detached: boolean;
  tell: Tell;
}

/** Downloads what is missing; the folder of the program. */
export async function registryProgram(tell: Tell): Promise<string> {
  return await cached(`registry-${REGISTRY.version}`, async aside => {
    await withProgress(tell, `downloading the registry ${REGISTRY.version} (Maven)`, aside, () =>
      copyArtifact(REGISTRY.artifact, aside),
    );
    const archive = (await readdir(aside)).find(f => f.endsWith('.tar.gz')) ?? '';
    await run('tar', ['-xzf', path.join(aside, archive), '-C', aside]);
    await rm(path.join(aside, archive));
  });
}

export async function startLocalRegistry(options: LocalRegistryOptions): Promise<RegistryServer> {
  const name = `registry-${REGISTRY.version}`;
  const jvm = await classArchive(name, options.tell, async (flags, folder) => {
    const server = await startRegistry(
      { ...options, folder, detached: false, stopTimeoutMs: ARCHIVE_MS },
      flags,
    );
    return () => server.stop();
  });
  return startRegistry(options, jvm);
}

async function startRegistry(
  options: LocalRegistryOptions,
  jvm: string[],
): Promise<RegistryServer> {
  const program = await registryProgram(options.tell);
  const jar = (await readdir(program)).find(f => f.endsWith('-runner.jar'));
  if (!jar) throw new ReshardError('config', `no program in ${program}`);
  const [port = 0] = await freePorts(1);
  const url = `http://${HOST}:${port}${REGISTRY.path}`;
  const home = path.join(options.folder, 'registry-home');
  await mkdir(home, { recursive: true });
  const server = new ServerProcess({
    name: 'registry',
    command: await java(),
    args: [...JVM, ...jvm, `-Djava.io.tmpdir=${home}`, '-jar', path.join(program, jar)],
    env: {
      APICURIO_STORAGE_KIND: 'kafkasql',
      APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: options.brokers.join(','),
      QUARKUS_HTTP_HOST: HOST,
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_LOG_LEVEL: 'WARN',
    },
    folder: options.folder,
    readyTimeoutMs: 120_000,
    stopTimeoutMs: options.stopTimeoutMs ?? 20_000,
    detached: options.detached,
    ready: () => registryAnswers(url),
  });
  await server.start();
  return {
    url,
    get pid() {
      return server.pid;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}
