/**
 * One container with fixed ports, which can be stopped, killed and started again on its data.
 * Its label and its network's name tell the owner, so that the next run removes what a killed run
 * left: the usual helper container for that would be one more image to fetch.
 */
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  type StartedNetwork,
  Wait,
} from 'testcontainers';
import { until } from '../../../shared/runtime/clock.ts';
import type { Tell } from './cache.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';
import type { Control } from './servers.ts';

const OWNER = 'reshard.owner';

interface Owner extends ProcessIdentity {
  machine: string;
}

export interface ContainerSpec {
  /** For people, and the name of the container inside its network. */
  name: string;
  image: string;
  env: Record<string, string>;
  command?: string[];
  ports: { container: number; host: number }[];
  network: StartedNetwork;
  readyTimeoutMs: number;
  ready: () => Promise<boolean>;
}

export interface ContainerServer extends Control {
  /** Waits until it serves; the first start does not, since nodes of a cluster need one another. */
  serves(): Promise<void>;
  remove(): Promise<void>;
}

export async function startContainer(spec: ContainerSpec): Promise<ContainerServer> {
  let container = new GenericContainer(spec.image)
    .withEnvironment(spec.env)
    .withExposedPorts(...spec.ports)
    .withNetwork(spec.network)
    .withNetworkAliases(spec.name)
    .withLabels({ [OWNER]: ownText() })
    // What it serves is asked below: here it only has to run.
    .withWaitStrategy(Wait.forSuccessfulCommand('true'));
  if (spec.command) container = container.withCommand(spec.command);
  const started = await container.start();
  const client = await getContainerRuntimeClient();
  const handle = client.container.getById(started.getId());
  const serves = async () => {
    await until(() => spec.ready().catch(() => false), {
      timeoutMs: spec.readyTimeoutMs,
      everyMs: 100,
      what: `${spec.name} (${spec.image}) to serve`,
    });
  };
  return {
    serves,
    async start() {
      await handle.start();
      await serves();
    },
    async stop() {
      await handle.stop({ t: 60 });
    },
    async kill() {
      await handle.kill();
    },
    async remove() {
      await handle.remove({ force: true, v: true });
    },
  };
}

/** A network whose name tells its owner: it cannot be given a label. */
export async function startNetwork(): Promise<StartedNetwork> {
  const owner = Buffer.from(ownText()).toString('base64url');
  const name = `${OWNER}.${owner}.${randomUUID().slice(0, 8)}`;
  return await new Network({ nextUuid: () => name }).start();
}

/** Removes the containers and networks of owners on this machine that are gone. */
export async function sweepContainers(tell: Tell): Promise<void> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const all = await dockerode.listContainers({ all: true });
  const left = all.filter(c => isLeft(c.Labels[OWNER]));
  for (const one of left) {
    await dockerode.getContainer(one.Id).remove({ force: true, v: true });
  }
  for (const network of await dockerode.listNetworks()) {
    if (!network.Name.startsWith(`${OWNER}.`)) continue;
    const owner = network.Name.split('.').at(-2) ?? '';
    if (!isLeft(Buffer.from(owner, 'base64url').toString())) continue;
    await dockerode.getNetwork(network.Id).remove();
  }
  if (left.length > 0) {
    tell(`cleaned up after a run that was killed (${left.length} containers removed)`);
  }
}

function ownText(): string {
  const owner: Owner = { ...identityOf(process.pid), machine: os.hostname() };
  return JSON.stringify(owner);
}

function isLeft(text: string | undefined): boolean {
  if (!text) return false;
  const owner: Owner = JSON.parse(text);
  return owner.machine === os.hostname() && !isAlive(owner);
}
