/**
 * The one file that touches kafkajs. Kept of it: connections (TLS, SASL, framing, time-outs,
 * correlation) and the admin client. Not used: its producer, consumer and cluster, which lose
 * records when a leader moves during a send, jump over lost history, let aborted records through
 * and spend 17 microseconds on encoding one record. We carry our own request bytes instead.
 *
 * Its connection class is internal, so everything used of it is checked when it is first needed:
 * another version fails at once and says why.
 */
import { createRequire } from 'node:module';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import kafkajs, { type Admin, type KafkaConfig, type logCreator, type SASLOptions } from 'kafkajs';
import { ReshardError } from '../../runtime/error.ts';
import type { Logger } from '../../runtime/log.ts';
import { apiVersions } from './api-versions.ts';
import { calmTimer } from './calm-timer.ts';
import { type KafkajsConnection, KafkajsWire } from './kafkajs-wire.ts';
import type { Wire } from './wire.ts';

export interface KafkaSettings {
  brokers: readonly string[];
  clientId: string;
  log: Logger;
  ssl?: { ca?: string | undefined; rejectUnauthorized?: boolean } | undefined;
  sasl?:
    | {
        mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        username: string;
        password: string;
      }
    | undefined;
  connectTimeoutMs?: number;
  requestTimeoutMs?: number;
}

export const UNREACHABLE_REMEDY =
  'check kafka.brokers of the job file, that the broker runs, and that its advertised ' +
  'listener can be reached from here';

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;

type ConnectionClass = new (options: object) => KafkajsConnection;

interface Internals {
  Connection: ConnectionClass;
  createLogger: (options: { level: number; logCreator: logCreator }) => object;
}

process.env.KAFKAJS_NO_PARTITIONER_WARNING ??= '1';
const isCalm = calmTimer();
let loaded: Internals | undefined;

function internals(): Internals {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  const Connection: unknown = require('kafkajs/src/network/connection');
  const loggers: unknown = require('kafkajs/src/loggers');
  if (!isConnectionClass(Connection) || !hasCreateLogger(loggers) || !isCalm) {
    throw new ReshardError(
      'bug',
      'the installed kafkajs is not the one this code was written for',
      {
        remedy: 'install exactly the version in package-lock.json',
      },
    );
  }
  loaded = { Connection, createLogger: loggers.createLogger };
  return loaded;
}

const CONNECTION_METHODS = [
  'connect',
  'disconnect',
  'authenticate',
  'isAuthenticated',
  'isConnected',
  'nextCorrelationId',
  'rejectRequests',
  'setVersions',
  'setSupportAuthenticationProtocol',
];

function isConnectionClass(x: unknown): x is ConnectionClass {
  return hasMethods(x, CONNECTION_METHODS);
}

function hasMethods(x: unknown, names: readonly string[]): boolean {
  if (typeof x !== 'function') return false;
  const prototype: unknown = x.prototype;
  if (typeof prototype !== 'object' || prototype === null) return false;
  return names.every(name => typeof Reflect.get(prototype, name) === 'function');
}

function hasCreateLogger(x: unknown): x is { createLogger: Internals['createLogger'] } {
  if (typeof x !== 'object' || x === null) return false;
  return 'createLogger' in x && typeof x.createLogger === 'function';
}

/** Their messages go to our log one level down: what matters is reported by an error of ours. */
function logBridge(log: Logger): logCreator {
  return () =>
    ({ namespace, level, log: { message } }) => {
      const text = `kafkajs ${namespace}: ${message}`;
      if (level === kafkajs.logLevel.ERROR || level === kafkajs.logLevel.WARN) log.debug(text);
      else log.trace(text);
    };
}

export type AdminClient = Admin;
export const CONFIG_RESOURCE_TOPIC = kafkajs.ConfigResourceTypes.TOPIC;
export const CONFIG_RESOURCE_BROKER = kafkajs.ConfigResourceTypes.BROKER;

export function createAdminClient(settings: KafkaSettings): AdminClient {
  internals();
  const config: KafkaConfig = {
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    connectionTimeout: settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    requestTimeout: settings.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: logBridge(settings.log),
    retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 8 },
    ...(settings.ssl ? { ssl: tlsOptions(settings.ssl) } : {}),
    ...(settings.sasl ? { sasl: saslOptions(settings.sasl) } : {}),
  };
  return new kafkajs.Kafka(config).admin();
}

function saslOptions(sasl: NonNullable<KafkaSettings['sasl']>): SASLOptions {
  const { mechanism, username, password } = sasl;
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}

function tlsOptions(ssl: NonNullable<KafkaSettings['ssl']>): {
  ca?: string;
  rejectUnauthorized: boolean;
} {
  return { ...(ssl.ca ? { ca: ssl.ca } : {}), rejectUnauthorized: ssl.rejectUnauthorized ?? true };
}

/** A connection of its own that is never used again after a failure: its buffers hold old bytes. */
export async function connectWire(
  settings: KafkaSettings,
  host: string,
  port: number,
): Promise<Wire> {
  const { Connection, createLogger } = internals();
  const timeoutMs = settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  let socket: Socket | undefined;
  const connection = new Connection({
    host,
    port,
    clientId: settings.clientId,
    logger: createLogger({ level: kafkajs.logLevel.WARN, logCreator: logBridge(settings.log) }),
    ssl: settings.ssl ? tlsOptions(settings.ssl) : null,
    sasl: settings.sasl ?? null,
    connectionTimeout: timeoutMs,
    requestTimeout: settings.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    socketFactory: (o: { onConnect: () => void }) => {
      const target = { host, port, ...(isIP(host) || !settings.ssl ? {} : { servername: host }) };
      socket = settings.ssl
        ? connectTls({ ...target, ...tlsOptions(settings.ssl) }, o.onConnect)
        : connectTcp(target, o.onConnect);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      return socket;
    },
  });
  try {
    await connection.connect();
    if (!socket) throw new ReshardError('bug', 'a connection was made without its socket');
    const wire = new KafkajsWire(
      connection,
      socket,
      `${host}:${port}`,
      settings.sasl !== undefined,
    );
    connection.setVersions(await apiVersions(wire));
    connection.setSupportAuthenticationProtocol(true);
    if (settings.sasl) await connection.authenticate();
    return wire;
  } catch (e) {
    socket?.destroy();
    throw e instanceof ReshardError ? e : connectError(e, `${host}:${port}`);
  }
}

function connectError(e: unknown, address: string): ReshardError {
  const name = e instanceof Error ? e.name : '';
  if (name.includes('SASL')) {
    return new ReshardError('denied', `Kafka at ${address} refused the login`, {
      cause: e,
      remedy: 'check kafka.sasl of the job file',
    });
  }
  return new ReshardError('unreachable', `cannot connect to Kafka at ${address}`, {
    cause: e,
    remedy: UNREACHABLE_REMEDY,
  });
}
