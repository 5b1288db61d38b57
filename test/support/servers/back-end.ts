/** Which back end starts the servers. */
import type { Tell } from './cache.ts';
import { startLocal } from './local.ts';
import type { Servers, ServersSpec } from './servers.ts';

export type BackEnd = (spec: ServersSpec, tell: Tell) => Promise<Servers>;

export async function chooseBackEnd(_spec: ServersSpec, _tell: Tell): Promise<BackEnd> {
  return startLocal;
}
