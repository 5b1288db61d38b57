/**
 * Every fault of the soak: what breaks, for how long, and how it is mended. Recovery is counted
 * from the kill where another member or a restart must take over by itself, and from the mending
 * where nothing can flow before it.
 */
import type { Random } from '../support/load/random.ts';
import type { MysqlServer } from '../support/servers/servers.ts';
import { type Crew, type Member, nameOf, SERVICES, type Service } from './crew.ts';
import type { Database, Site } from './site.ts';

export interface FaultPlace {
  site: Site;
  crew: Crew;
  /** The process that works now, where only one of several does. */
  active: (service: Service) => number | undefined;
  /** After so long a silence another member takes over. */
  sessionTimeoutMs: number;
}

export interface Fault {
  /** Name for --faults and the log. */
  name: string;
  /** Row of the table of recovery times. */
  group: string;
  weight: number;
  /** Milliseconds between breaking and mending. */
  holdMs: readonly [least: number, most: number];
  since: 'broken' | 'mended';
  /** The service that must be working again too. */
  service?: Service;
  /** Breaks; answers what exactly was broken and how to mend it. */
  break(place: FaultPlace, random: Random): Promise<Broken>;
}

export interface Broken {
  what: string;
  mend: () => Promise<void>;
  /** Processes that are out of action. */
  pids?: number[];
}

const NOTHING = async (): Promise<void> => undefined;

function databaseFaults(name: string, pick: (site: Site, random: Random) => Database): Fault[] {
  const weight = name === 'source' ? 2 : 1;
  const common = { weight, since: 'mended', holdMs: [1000, 8000] } as const;
  const net = { ...common, group: `network of a ${name}` };
  const server = { ...common, group: `${name} server` };
  const mysqld = async (
    { site }: FaultPlace,
    random: Random,
    what: string,
    act: (s: MysqlServer) => Promise<() => Promise<void>>,
  ): Promise<Broken> => {
    const database = pick(site, random);
    return { what: `${database.name} ${what}`, mend: await act(database.server) };
  };
  return [
    {
      ...net,
      name: `${name}-cut`,
      weight: weight * 2,
      async break({ site }, random) {
        const { name: what, network } = pick(site, random);
        await network.cut();
        return { what: `${what} unreachable`, mend: () => network.heal() };
      },
    },
    {
      ...net,
      name: `${name}-silent`,
      holdMs: [2000, 20_000],
      async break({ site }, random) {
        const { name: what, network } = pick(site, random);
        await network.silence();
        return { what: `${what} silent`, mend: () => network.heal() };
      },
    },
    {
      ...net,
      name: `${name}-half-open`,
      group: `half-open connections to a ${name}`,
      async break({ site }, random) {
        const { name: what, network } = pick(site, random);
        await network.silence();
        await network.forget();
        return { what: `${what} silent, connections half open`, mend: () => network.heal() };
      },
    },
    {
      ...server,
      name: `${name}-silent-restart`,
      group: `${name} server and network`,
      async break({ site }, random) {
        const { name: what, network, server: mysql } = pick(site, random);
        await network.silence();
        await mysql.restart();
        return { what: `${what} silent, server restarted`, mend: () => network.heal() };
      },
    },
    {
      ...server,
      name: `${name}-restart`,
      break: (place, random) =>
        mysqld(place, random, 'server stopped', async s => {
          await s.stop();
          return () => s.start();
        }),
    },
    {
      ...server,
      name: `${name}-kill`,
      break: (place, random) =>
        mysqld(place, random, 'server killed', async s => {
          await s.kill();
          return () => s.start();
        }),
    },
    {
      ...server,
      name: `${name}-pause`,
      holdMs: [2000, 12_000],
      break: (place, random) =>
        mysqld(place, random, 'server paused', async s => {
          signal(s.pid, 'SIGSTOP');
          return async () => signal(s.pid, 'SIGCONT');
        }),
    },
  ];
}

function brokerFaults(): Fault[] {
  const common = { group: 'broker', weight: 2, since: 'mended' } as const;
  const node = (site: Site, random: Random) => random.pick(site.servers.kafka.nodes);
  return [
    {
      ...common,
      name: 'broker-kill',
      holdMs: [0, 5000],
      async break({ site }, random) {
        const broker = node(site, random);
        await broker.kill();
        return { what: `broker ${broker.id} killed`, mend: () => broker.start() };
      },
    },
    {
      ...common,
      name: 'broker-restart',
      holdMs: [0, 3000],
      weight: 1,
      async break({ site }, random) {
        const broker = node(site, random);
        await broker.stop();
        return { what: `broker ${broker.id} stopped`, mend: () => broker.start() };
      },
    },
    {
      ...common,
      name: 'broker-pause',
      holdMs: [2000, 15_000],
      weight: 1,
      async break({ site }, random) {
        const broker = node(site, random);
        signal(broker.pid, 'SIGSTOP');
        return {
          what: `broker ${broker.id} paused`,
          mend: async () => signal(broker.pid, 'SIGCONT'),
        };
      },
    },
    {
      ...common,
      group: 'registry',
      name: 'registry-kill',
      holdMs: [1000, 8000],
      weight: 1,
      async break({ site }) {
        await site.servers.registry.kill();
        return { what: 'registry killed', mend: () => site.servers.registry.start() };
      },
    },
  ];
}

/** The member that matters, if it is known, else any; now and then all of them. */
function victims(place: FaultPlace, service: Service, random: Random): Member[] {
  const members = place.crew.of(service).filter(m => m.process.running);
  const isAll = random.chance(0.2);
  const any = random.next();
  if (isAll) return members;
  const pid = place.active(service);
  const active = members.find(m => m.process.pid === pid);
  const chosen = active ?? members[any % Math.max(1, members.length)];
  return chosen === undefined ? [] : [chosen];
}

function serviceFaults(service: Service): Fault[] {
  const weight = service === 'binlog' || service === 'sink' ? 3 : 2;
  const end = (verb: string, how: 'SIGKILL' | 'SIGTERM'): Fault => ({
    name: `${service}-${verb}`,
    group: `${service} ${how}`,
    weight: how === 'SIGKILL' ? weight : 1,
    since: 'broken',
    holdMs: [0, 0],
    service,
    async break(place, random) {
      const chosen = victims(place, service, random);
      const pids = chosen.map(m => m.process.pid);
      for (const member of chosen) place.crew.end(member, how);
      return { what: `${chosen.map(nameOf).join(' and ')} ${how}`, mend: NOTHING, pids };
    },
  });
  return [
    end('kill', 'SIGKILL'),
    end('term', 'SIGTERM'),
    {
      name: `${service}-stop`,
      group: `${service} SIGSTOP`,
      weight,
      // Another member takes over while it sleeps; a service with one member goes on afterwards.
      since: 'mended',
      holdMs: [1000, 9000],
      service,
      async break(place, random) {
        const chosen = victims(place, service, random);
        for (const member of chosen) place.crew.pause(member);
        await new Promise(resolve => setTimeout(resolve, place.sessionTimeoutMs));
        return {
          what: `${chosen.map(nameOf).join(' and ')} stopped`,
          mend: async () => {
            for (const member of chosen) place.crew.resume(member);
          },
        };
      },
    },
  ];
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(pid, name);
}

export const FAULTS: readonly Fault[] = [
  ...databaseFaults('source', site => site.source),
  ...databaseFaults('target', (site, random) => random.pick(site.targets)),
  ...brokerFaults(),
  ...SERVICES.flatMap(serviceFaults),
];
