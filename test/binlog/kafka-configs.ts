/** Changes settings of topics and brokers while they run, as Kafka's own kafka-configs.sh would. */

import {
  type AdminClient,
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_TOPIC,
  createAdminClient,
} from '../../shared/kafka/wire/kafkajs.ts';
import { createLogger } from '../../shared/runtime/log.ts';

/** DescribeConfigs: the setting stands at the topic, or at the broker as a dynamic one. */
const SET_HERE = new Set([1, 2]);

type Resource = {
  type: typeof CONFIG_RESOURCE_BROKER | typeof CONFIG_RESOURCE_TOPIC;
  name: string;
};

export class KafkaConfigs implements AsyncDisposable {
  readonly #admin: AdminClient;

  private constructor(admin: AdminClient) {
    this.#admin = admin;
  }

  static async open(brokers: readonly string[]): Promise<KafkaConfigs> {
    const log = createLogger({ name: 'kafka-configs', level: 'fatal' });
    const admin = createAdminClient({ brokers, clientId: 'kafka-configs', log });
    await admin.connect();
    return new KafkaConfigs(admin);
  }

  topic(name: string, changes: Record<string, string>): Promise<void> {
    return this.#alter({ type: CONFIG_RESOURCE_TOPIC, name }, changes);
  }

  /** Dynamic settings of every broker; only those that Kafka lets change while it runs. */
  async brokers(changes: Record<string, string>): Promise<void> {
    const { brokers } = await this.#admin.describeCluster();
    for (const { nodeId } of brokers) {
      await this.#alter({ type: CONFIG_RESOURCE_BROKER, name: String(nodeId) }, changes);
    }
  }

  /** The request replaces all settings of the resource, so those that stay go with it. */
  async #alter(resource: Resource, changes: Record<string, string>): Promise<void> {
    const { resources } = await this.#admin.describeConfigs({
      includeSynonyms: false,
      resources: [resource],
    });
    const stay = (resources[0]?.configEntries ?? []).filter(
      e => SET_HERE.has(e.configSource) && !(e.configName in changes),
    );
    const configEntries = [
      ...stay.map(e => ({ name: e.configName, value: e.configValue })),
      ...Object.entries(changes).map(([name, value]) => ({ name, value })),
    ];
    await this.#admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries }],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect();
  }
}
