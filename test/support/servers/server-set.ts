/** The servers of a run behind one interface, whichever back end started them. */
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { KafkaServers, MysqlServer, RegistryServer, Servers } from './servers.ts';

export interface Started {
  backEnd: Servers['backEnd'];
  kafka: KafkaServers | undefined;
  registry: RegistryServer | undefined;
  mysql: MysqlServer[];
  dispose: () => Promise<void>;
}

export function serverSet({ backEnd, kafka, registry, mysql, dispose }: Started): Servers {
  return {
    backEnd,
    get kafka() {
      return kafka ?? notAsked('Kafka');
    },
    get registry() {
      return registry ?? notAsked('a registry');
    },
    mysql: name => mysql.find(m => m.name === name) ?? notAsked(`MySQL ${name}`),
    endpoints: () => ({
      brokers: kafka?.brokers ?? [],
      registryUrl: registry?.url ?? '',
      mysql: Object.fromEntries(
        mysql.map(({ name, host, port, user, password }) => [name, { host, port, user, password }]),
      ),
    }),
    [Symbol.asyncDispose]: dispose,
  };
}

function notAsked(what: string): never {
  throw new ReshardError('config', `${what} was not asked for when the servers were started`);
}
