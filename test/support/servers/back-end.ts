/**
 * Which back end starts the servers. RESHARD_SERVERS=containers|local decides; without it, it is
 * containers where an engine answers and has or gets the images, and local processes otherwise.
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Tell } from './cache.ts';
import { startLocal } from './local.ts';
import type { Servers, ServersSpec } from './servers.ts';

export type BackEnd = (spec: ServersSpec, tell: Tell) => Promise<Servers>;

export async function chooseBackEnd(spec: ServersSpec, tell: Tell): Promise<BackEnd> {
  const wanted = process.env.RESHARD_SERVERS;
  if (wanted === 'local' || spec.detached === true) return startLocal;
  if (wanted === 'containers') return await containers();
  if (wanted !== undefined && wanted !== '') {
    throw new ReshardError('config', `RESHARD_SERVERS is ${wanted}`, {
      remedy: 'set it to containers or local, or not at all',
    });
  }
  if (!mayHaveEngine()) return startLocal;
  try {
    await (await engine()).fetchImages(spec, tell);
    return await containers();
  } catch (e) {
    const reason = e instanceof Error ? (e.message.split('\n')[0] ?? '') : String(e);
    tell(`no containers (${reason}): starting local processes`);
    return startLocal;
  }
}

/** Loaded only where it is used: the client of the engine is big. */
async function engine() {
  // Our own sweep does its work, and needs no image of its own.
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true';
  return await import('./containers.ts');
}

async function containers(): Promise<BackEnd> {
  return (await engine()).startContainers;
}

/** A cheap look first, so that machines without an engine do not wait for one. */
function mayHaveEngine(): boolean {
  if (process.env.DOCKER_HOST) return true;
  const home = os.homedir();
  const runtime = process.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? ''}`;
  return [
    '/var/run/docker.sock',
    path.join(runtime, 'docker.sock'),
    path.join(runtime, 'podman', 'podman.sock'),
    path.join(home, '.docker', 'run', 'docker.sock'),
    path.join(home, '.docker', 'desktop', 'docker.sock'),
    path.join(home, '.colima', 'default', 'docker.sock'),
    path.join(home, '.testcontainers.properties'),
  ].some(file => existsSync(file));
}
