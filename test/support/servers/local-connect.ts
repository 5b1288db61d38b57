/** A standalone Kafka Connect worker as a local process, for sinks that others have written. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { until } from '../../../shared/runtime/clock.ts';
import { cached, type Tell, withProgress } from './cache.ts';
import { copyWithDependencies, java, SHORT_LIVED } from './maven.ts';
import { freePorts } from './port.ts';
import { endServersOf, makeRunFolder, removeFolder } from './run-folder.ts';
import { ServerProcess } from './server-process.ts';
import { CONNECT } from './versions.ts';

const HOST = '127.0.0.1';
const LOG = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];
/** Not the zone of the servers: what the zone of a worker changes, a test must meet. */
const ZONE = '-Duser.timezone=America/New_York';

export interface ConnectOptions {
  brokers: readonly string[];
  /** Address of the registry's Confluent API. */
  registryUrl: string;
  tell: Tell;
}

export type ConnectorConfig = Record<string, string>;

/** Downloads what is missing; the class path of the worker. */
async function connectJars(tell: Tell): Promise<string> {
  const folder = await cached(`connect-${CONNECT.sink}`, aside =>
    withProgress(tell, `downloading Kafka Connect and a sink ${CONNECT.sink} (Maven)`, aside, () =>
      copyWithDependencies(CONNECT.artifacts, path.join(aside, 'lib')),
    ),
  );
  return path.join(folder, 'lib', '*');
}

export class ConnectWorker implements AsyncDisposable {
  readonly #url: string;
  readonly #folder: string;

  private constructor(url: string, folder: string) {
    this.#url = url;
    this.#folder = folder;
  }

  /** Without connectors; readers of it see committed records alone. */
  static async start(o: ConnectOptions): Promise<ConnectWorker> {
    const jars = await connectJars(o.tell);
    const folder = await makeRunFolder(o.tell);
    const [port = 0] = await freePorts(1);
    const url = `http://${HOST}:${port}`;
    const settings = path.join(folder, 'worker.properties');
    await mkdir(folder, { recursive: true });
    await writeFile(settings, properties(workerSettings(o, url, folder)));
    const server = new ServerProcess({
      name: 'connect',
      command: await java(),
      args: [
        '-Xmx512m',
        ...SHORT_LIVED,
        ...LOG,
        ZONE,
        '-cp',
        jars,
        'org.apache.kafka.connect.cli.ConnectStandalone',
        settings,
      ],
      folder,
      readyTimeoutMs: 120_000,
      stopTimeoutMs: 10_000,
      detached: false,
      ready: async () => (await fetch(`${url}/connectors`)).ok,
    });
    await server.start();
    return new ConnectWorker(url, folder);
  }

  /** Makes a connector and waits until its task runs. */
  async add(name: string, config: ConnectorConfig): Promise<void> {
    await this.#call('POST', '/connectors', { name, config: { name, ...config } });
    await until(async () => (await this.#tasks(name)).length > 0, {
      timeoutMs: 60_000,
      what: `connector ${name} to have a task`,
    });
  }

  /** The connector's task reads nothing until it is resumed. */
  async pause(name: string): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/pause`);
    await until(async () => (await this.#tasks(name)).every(t => t.state === 'PAUSED'), {
      timeoutMs: 60_000,
      what: `connector ${name} to stand`,
    });
  }

  async resume(name: string): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/resume`);
  }

  /** Why a task of the connector has failed, innermost cause last; undefined while none has. */
  async failure(name: string): Promise<string[] | undefined> {
    const trace = (await this.#tasks(name)).find(t => t.state === 'FAILED')?.trace;
    return trace?.split('\n').filter(line => !/^\s+(at |\.\.\. )/.test(line));
  }

  async #tasks(name: string): Promise<{ state: string; trace?: string }[]> {
    const status = await this.#call('GET', `/connectors/${name}/status`);
    if (typeof status !== 'object' || status === null || !('tasks' in status)) return [];
    return Array.isArray(status.tasks) ? status.tasks : [];
  }

  async #call(method: string, where: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.#url + where, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // A connector has no status before its first report.
    if (response.status === 404 && method === 'GET') return null;
    if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endServersOf(this.#folder);
    await removeFolder(this.#folder);
  }
}

function workerSettings(o: ConnectOptions, url: string, folder: string): ConnectorConfig {
  const converter = (side: string): ConnectorConfig => ({
    [`${side}.converter`]: 'io.apicurio.registry.utils.converter.AvroConverter',
    [`${side}.converter.apicurio.registry.url`]: o.registryUrl.replace(
      /ccompat\/v7$/,
      'registry/v2',
    ),
    [`${side}.converter.apicurio.registry.auto-register`]: 'false',
    [`${side}.converter.apicurio.registry.headers.enabled`]: 'false',
    [`${side}.converter.apicurio.registry.as-confluent`]: 'true',
  });
  return {
    'bootstrap.servers': o.brokers.join(','),
    listeners: url,
    'offset.storage.file.filename': path.join(folder, 'offsets'),
    'offset.flush.interval.ms': '1000',
    'plugin.discovery': 'service_load',
    'consumer.isolation.level': 'read_committed',
    ...converter('key'),
    ...converter('value'),
  };
}

function properties(settings: ConnectorConfig): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
