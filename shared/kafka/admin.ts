/**
 * Topics: made with the settings that their role needs, or verified. A topic that exists with
 * another number of partitions or another cleanup policy is not used and not changed: the error
 * names each difference and the command that removes it.
 */
import { sleep } from '../runtime/clock.ts';
import { ReshardError } from '../runtime/error.ts';
import type { Cluster } from './wire/cluster.ts';
import {
  type AdminClient,
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_TOPIC,
  createAdminClient,
  UNREACHABLE_REMEDY,
} from './wire/kafkajs.ts';
import { type OffsetRange, offsetRanges } from './wire/list-offsets.ts';

export interface TopicSpec {
  topic: string;
  partitions: number;
  replication: number;
  config: Record<string, string>;
}

const CREATE_TIMEOUT_MS = 20_000;
const LEADER_POLL_MS = 50;

export class TopicAdmin {
  readonly #cluster: Cluster;
  readonly #purpose: string;
  #client: Promise<AdminClient> | undefined;

  constructor(cluster: Cluster, purpose: string) {
    this.#cluster = cluster;
    this.#purpose = purpose;
  }

  /** Creates what is missing, verifies what is there, in one pass over all topics. */
  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    const existing = new Set(await this.listTopics());
    const missing = specs.filter(s => !existing.has(s.topic));
    const present = specs.filter(s => existing.has(s.topic));
    const differences = await this.#differences(present);
    if (differences.length > 0) throw wrongTopics(differences);
    if (missing.length > 0) await this.#create(missing);
    await this.#cluster.refresh(specs.map(s => s.topic));
  }

  /** How topics that exist differ from what they should be; creates nothing. */
  async check(specs: readonly TopicSpec[]): Promise<TopicDifference[]> {
    const existing = new Set(await this.listTopics());
    return this.#differences(specs.filter(s => existing.has(s.topic)));
  }

  /** Number of brokers, and the settings in force on one of them. */
  async brokers(): Promise<{ count: number; settings: Record<string, string> }> {
    return this.#use('to describe brokers', async client => {
      const { brokers } = await client.describeCluster();
      const name = String(brokers[0]?.nodeId ?? 0);
      const { resources } = await client.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: CONFIG_RESOURCE_BROKER, name }],
      });
      const entries = resources[0]?.configEntries ?? [];
      const settings = Object.fromEntries(entries.map(e => [e.configName, e.configValue]));
      return { count: brokers.length, settings };
    });
  }

  /** Number of partitions; 0 when the topic does not exist. */
  async partitions(topic: string): Promise<number> {
    await this.#cluster.refresh([topic]);
    return this.#cluster.partitionCount(topic);
  }

  /** First offset and last stable offset of every partition. */
  offsets(topic: string): Promise<OffsetRange[]> {
    return offsetRanges(this.#cluster, topic, this.#purpose);
  }

  async listTopics(): Promise<string[]> {
    return this.#use('to list topics', client => client.listTopics());
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.#use('to delete topics', client => client.deleteTopics({ topics: [...topics] }));
  }

  /** Members of each of these groups that exists. */
  async groups(ids: readonly string[]): Promise<{ group: string; members: number }[]> {
    return this.#use('to describe groups', async client => {
      const { groups } = await client.listGroups();
      const known = ids.filter(id => groups.some(g => g.groupId === id));
      if (known.length === 0) return [];
      const described = await client.describeGroups(known);
      return described.groups.map(g => ({ group: g.groupId, members: g.members.length }));
    });
  }

  /** Groups without members, which must exist. */
  async deleteGroups(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#use('to delete groups', client => client.deleteGroups([...ids]));
  }

  /** Settings of a topic in force, defaults included. */
  async topicConfig(topic: string): Promise<Record<string, string>> {
    const { resources } = await this.#use('to describe topics', client =>
      client.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: CONFIG_RESOURCE_TOPIC, name: topic }],
      }),
    );
    const entries = resources[0]?.configEntries ?? [];
    return Object.fromEntries(entries.map(e => [e.configName, e.configValue]));
  }

  /** Sets these settings of a topic; others that it has of its own fall back to the broker's. */
  async setTopicConfig(topic: string, config: Record<string, string>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await this.#use('to change a topic', client =>
      client.alterConfigs({
        validateOnly: false,
        resources: [{ type: CONFIG_RESOURCE_TOPIC, name: topic, configEntries }],
      }),
    );
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#cluster.release(this.#purpose);
    await client?.then(c => c.disconnect()).catch(() => {});
  }

  async #create(missing: readonly TopicSpec[]): Promise<void> {
    await this.#use('to create topics', async client => {
      const made = await client.createTopics({
        // A broker that has not heard of the topics yet would end that wait: see #led.
        waitForLeaders: false,
        timeout: CREATE_TIMEOUT_MS,
        topics: missing.map(({ topic, partitions, replication, config }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        })),
      });
      // Somebody else made them meanwhile: then they must be as wanted, too.
      const differences = made ? [] : await this.#differences(missing);
      if (differences.length > 0) throw wrongTopics(differences);
    });
    await this.#led(missing);
  }

  /** Brokers hear of new topics one after the other: until the one that is asked knows leaders. */
  async #led(topics: readonly TopicSpec[]): Promise<void> {
    const end = performance.now() + CREATE_TIMEOUT_MS;
    for (;;) {
      await this.#cluster.refresh(topics.map(t => t.topic));
      const late = topics.find(({ topic, partitions }) =>
        Array.from({ length: partitions }, (_, p) => this.#cluster.leader(topic, p)).includes(
          undefined,
        ),
      );
      if (late === undefined) return;
      if (performance.now() > end) {
        throw new ReshardError('unreachable', `topic ${late.topic} has no leader`, {
          remedy: 'look at the brokers: are enough of them up?',
          context: { topic: late.topic },
        });
      }
      await sleep(LEADER_POLL_MS);
    }
  }

  async #differences(specs: readonly TopicSpec[]): Promise<TopicDifference[]> {
    const found: TopicDifference[] = [];
    if (specs.length === 0) return found;
    await this.#cluster.refresh(specs.map(s => s.topic));
    for (const { topic, partitions, config } of specs) {
      const is = this.#cluster.partitionCount(topic);
      if (is !== partitions) {
        found.push({
          topic,
          what: `has ${is} partitions, needs ${partitions}`,
          fix: remake(topic, is),
        });
      }
      const actual = await this.topicConfig(topic);
      for (const [name, wanted] of Object.entries(config)) {
        if (sameSetting(actual[name], wanted)) continue;
        const what = `${name} is ${actual[name] ?? 'not known'}, needs ${wanted}`;
        found.push({ topic, what, fix: alter(topic, name, wanted) });
      }
    }
    return found;
  }

  async #use<T>(what: string, work: (client: AdminClient) => Promise<T>): Promise<T> {
    try {
      this.#client ??= this.#connected();
      return await work(await this.#client);
    } catch (e) {
      if (e instanceof ReshardError) throw e;
      const client = this.#client;
      this.#client = undefined;
      client?.then(c => c.disconnect()).catch(() => {});
      throw adminError(what, this.#cluster.settings.brokers, e);
    }
  }

  async #connected(): Promise<AdminClient> {
    const client = createAdminClient(this.#cluster.settings);
    await client.connect();
    return client;
  }
}

export interface TopicDifference {
  topic: string;
  what: string;
  fix: string;
}

/** A list such as `compact,delete` is the same in any order. */
function sameSetting(actual: string | undefined, wanted: string): boolean {
  if (actual === undefined) return false;
  const parts = (s: string): string =>
    s
      .split(',')
      .map(x => x.trim())
      .sort()
      .join();
  return parts(actual) === parts(wanted);
}

function alter(topic: string, name: string, wanted: string): string {
  const value = wanted.includes(',') ? `[${wanted}]` : wanted;
  return `kafka-configs.sh --bootstrap-server <broker> --alter --entity-type topics --entity-name ${
    topic
  } --add-config '${name}=${value}'`;
}

/** Never by deleting: it may be the log of a job that lives. */
function remake(topic: string, partitions: number): string {
  return (
    `set options.partitions to ${partitions} in the job file, if ${topic} is a table's: partitions ` +
    'cannot be changed in place, keys would move; or name the source or the job otherwise; or ' +
    '`reshard drop <its job file>` takes it away with the job that it is of'
  );
}

function wrongTopics(differences: readonly TopicDifference[]): ReshardError {
  const lines = differences.map(d => `topic ${d.topic}: ${d.what}`);
  return new ReshardError(
    'server-setting',
    `topics are not as the job needs them:\n  ${lines.join('\n  ')}`,
    {
      remedy: differences.map(d => d.fix).join('\n  '),
      context: { topic: differences[0]?.topic },
    },
  );
}

function adminError(what: string, brokers: readonly string[], e: unknown): ReshardError {
  const text = messages(e);
  const cause = e;
  if (/authoriz/i.test(text)) {
    const remedy = 'grant the right to the account of kafka.sasl';
    return new ReshardError('denied', `Kafka refused ${what}: ${text}`, { cause, remedy });
  }
  if (/authenti|SASL/i.test(text)) {
    return new ReshardError('denied', `Kafka refused the login: ${text}`, {
      cause,
      remedy: 'check kafka.sasl of the job file',
    });
  }
  if (/connect|timeout|closed|ECONN/i.test(text)) {
    return new ReshardError('unreachable', `cannot connect to Kafka at ${brokers.join(', ')}`, {
      // The first link of theirs says only how often was tried.
      cause: e instanceof Error ? (e.cause ?? e) : e,
      remedy: UNREACHABLE_REMEDY,
    });
  }
  const remedy = /replication factor/i.test(text)
    ? 'set kafka.replication of the job file to at most the number of brokers'
    : undefined;
  return new ReshardError('broker', `Kafka refused ${what}: ${text}`, { cause, remedy });
}

/** The library hides the reasons of several topics in a list beside the message. */
function messages(e: unknown): string {
  if (!(e instanceof Error)) return String(e);
  if (!('errors' in e) || !Array.isArray(e.errors)) return e.message;
  return e.errors.map(one => (one instanceof Error ? one.message : String(one))).join('; ');
}
