/**
 * Where things are: nodes, leaders, coordinators, and the connections to them. One per process and
 * Kafka; every client (writer, reader, member) has connections of its own by `purpose`, because a
 * broker serves one request of a connection at a time and a long poll would hold up a commit.
 * Nothing is retried here: who asks knows what may be asked again.
 */
import { ReshardError } from '../../runtime/error.ts';
import { CODE, isLeaderTransient, refused } from './error-code.ts';
import { connectWire, type KafkaSettings } from './kafkajs.ts';
import type { Wire } from './wire.ts';
import { API, type Api, body, NO_TOPIC_ID, WireReader } from './wire-format.ts';

interface Address {
  host: string;
  port: number;
}

/** What is known of a topic, as of the newest metadata. */
interface Topic {
  /** As Kafka prints it: another one under the same name is another topic. */
  id: string;
  /** By partition; -1 while there is none. */
  leaders: number[];
  /** Grows with each change of leader. */
  epochs: number[];
}

const METADATA = 'metadata';

export class Cluster {
  readonly settings: KafkaSettings;
  readonly #seeds: readonly Address[];
  readonly #nodes = new Map<number, Address>();
  readonly #topics = new Map<string, Topic>();
  readonly #wires = new Map<string, Promise<Wire>>();
  readonly #onRelease: (purpose: string) => void;
  #closed = false;

  constructor(settings: KafkaSettings, onRelease: (purpose: string) => void = () => {}) {
    this.settings = settings;
    this.#onRelease = onRelease;
    this.#seeds = settings.brokers.map(parseAddress);
  }

  /** Node that leads the partition, as far as known; undefined asks for a refresh. */
  leader(topic: string, partition: number): number | undefined {
    const node = this.#topics.get(topic)?.leaders[partition];
    return node === undefined || node < 0 ? undefined : node;
  }

  /** Epoch of that leader: a leader of another epoch refuses a request that names it. */
  leaderEpoch(topic: string, partition: number): number {
    return this.#topics.get(topic)?.epochs[partition] ?? -1;
  }

  topicId(topic: string): string | undefined {
    return this.#topics.get(topic)?.id;
  }

  /** Any node of the cluster; known after a refresh. */
  someNode(): number {
    for (const node of this.#nodes.keys()) return node;
    throw new ReshardError('unreachable', 'no broker of the cluster is known');
  }

  partitionCount(topic: string): number {
    return this.#topics.get(topic)?.leaders.length ?? 0;
  }

  /** Asks a broker for nodes and leaders; topics that do not exist are left out. */
  async refresh(topics: readonly string[]): Promise<void> {
    const request = body(w => {
      w.compactArray(topics, t => w.uuid(NO_TOPIC_ID).compactString(t).noTags());
      // No creation of topics, no lists of rights.
      w.i8(0).i8(0).i8(0).noTags();
    });
    const r = await this.askAny(API.metadata, request);
    r.i32();
    r.compactArray(() => this.#nodes.set(r.i32(), this.#readAddress(r)));
    r.compactNullableString();
    r.i32();
    r.compactArray(() => this.#readTopic(r));
  }

  #readAddress(r: WireReader): Address {
    const address = { host: r.compactString(), port: r.i32() };
    r.compactNullableString();
    r.tags();
    return address;
  }

  #readTopic(r: WireReader): void {
    const code = r.i16();
    const topic = r.compactString();
    const id = r.uuid();
    r.i8();
    const leaders: number[] = [];
    const epochs: number[] = [];
    r.compactArray(() => {
      r.i16();
      const partition = r.i32();
      leaders[partition] = r.i32();
      epochs[partition] = r.i32();
      for (let list = 0; list < 3; list++) r.compactArray(() => r.i32());
      r.tags();
    });
    r.i32();
    r.tags();
    if (code !== CODE.NONE && !isLeaderTransient(code)) {
      throw refused(`to describe topic ${topic}`, code, { topic });
    }
    if (leaders.length > 0) this.#learn(topic, { id, leaders, epochs });
    else this.#topics.delete(topic);
  }

  /** A broker that lags behind may name an older leader: what is newer is kept. */
  #learn(topic: string, seen: Topic): void {
    const known = this.#topics.get(topic);
    if (known?.id === seen.id) {
      for (const [p, epoch] of known.epochs.entries()) {
        const isOlder = epoch > (seen.epochs[p] ?? -1);
        if (!isOlder) continue;
        seen.epochs[p] = epoch;
        seen.leaders[p] = known.leaders[p] ?? -1;
      }
    }
    this.#topics.set(topic, seen);
  }

  /** Node that coordinates a group or a transactional id, asked anew each time. */
  async coordinator(kind: 'group' | 'transaction', key: string): Promise<number | undefined> {
    const request = body(w => {
      w.string(key).i8(kind === 'group' ? 0 : 1);
    });
    const r = await this.askAny(API.findCoordinator, request);
    r.i32();
    const code = r.i16();
    r.nullableString();
    const node = r.i32();
    if (code === CODE.NONE) {
      this.#nodes.set(node, { host: r.string(), port: r.i32() });
      return node;
    }
    if (code === CODE.COORDINATOR_NOT_AVAILABLE || code === CODE.COORDINATOR_LOAD_IN_PROGRESS) {
      return undefined;
    }
    throw refused(`to name the coordinator of ${kind} ${key}`, code, { [kind]: key });
  }

  async ask(
    node: number,
    purpose: string,
    api: Api,
    parts: readonly Uint8Array[],
  ): Promise<WireReader> {
    return answer(await this.#wire(node, purpose), api, parts);
  }

  /** Asks whichever broker answers: open connections first, then all known addresses. */
  async askAny(api: Api, parts: readonly Uint8Array[]): Promise<WireReader> {
    let failure: unknown;
    for (const node of this.#nodes.keys()) {
      try {
        return await this.ask(node, METADATA, api, parts);
      } catch (e) {
        failure = passOn(e);
      }
    }
    for (const [i, address] of this.#seeds.entries()) {
      try {
        return await answer(await this.#open(`seed-${i}/${METADATA}`, address), api, parts);
      } catch (e) {
        failure = passOn(e);
      }
    }
    throw failure;
  }

  /** Obeys a quota: nothing is sent to this node for the time. */
  async throttle(node: number, purpose: string, ms: number): Promise<void> {
    if (ms > 0) (await this.#wire(node, purpose)).throttle(ms);
  }

  /** Closes the connections that one client used. */
  release(purpose: string): void {
    this.#onRelease(purpose);
    for (const [key, opening] of this.#wires) {
      if (!key.endsWith(`/${purpose}`)) continue;
      this.#wires.delete(key);
      opening.then(wire => wire.close()).catch(() => {});
    }
  }

  close(): void {
    this.#closed = true;
    for (const opening of this.#wires.values()) opening.then(wire => wire.close()).catch(() => {});
    this.#wires.clear();
  }

  #wire(node: number, purpose: string): Promise<Wire> {
    const address = this.#nodes.get(node);
    if (!address) {
      return Promise.reject(new ReshardError('unreachable', `broker ${node} is not known`));
    }
    return this.#open(`${node}/${purpose}`, address);
  }

  async #open(key: string, address: Address): Promise<Wire> {
    const known = this.#wires.get(key);
    if (known) {
      const wire = await known;
      if (!wire.closed) return wire;
      if (this.#wires.get(key) === known) this.#wires.delete(key);
      else return this.#open(key, address);
    }
    if (this.#closed) throw new ReshardError('unreachable', 'the client is closed');
    const opening = connectWire(this.settings, address.host, address.port);
    this.#wires.set(key, opening);
    try {
      return await opening;
    } catch (e) {
      if (this.#wires.get(key) === opening) this.#wires.delete(key);
      throw e;
    }
  }
}

/** The body of an answer: behind the tagged fields of its header, where there are any. */
async function answer(wire: Wire, api: Api, parts: readonly Uint8Array[]): Promise<WireReader> {
  const r = new WireReader(await wire.request(api, parts));
  if (api.flexible) r.tags();
  return r;
}

/** Another broker may answer where this one cannot be reached, not where it refuses us. */
function passOn(e: unknown): unknown {
  if (e instanceof ReshardError && e.kind === 'unreachable') return e;
  throw e;
}

function parseAddress(broker: string): Address {
  const colon = broker.lastIndexOf(':');
  const port = Number(broker.slice(colon + 1));
  if (colon > 0 && Number.isInteger(port) && port > 0) {
    return { host: broker.slice(0, colon).replace(/^\[|\]$/g, ''), port };
  }
  throw new ReshardError('config', `"${broker}" is not host:port`, {
    remedy: 'write kafka.brokers as a list like ["127.0.0.1:9092"]',
  });
}
