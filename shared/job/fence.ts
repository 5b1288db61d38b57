/**
 * By what a server of a job is fenced when the application leaves it: what the job file says of it,
 * else read_only; a cluster that grows has triggers, and no choice.
 */
import { ReshardError } from '../runtime/error.ts';
import type { CutoverSettings } from './cutover-schema.ts';
import type { Job } from './job.ts';

export type FenceSetting = NonNullable<CutoverSettings['fence']>;
type FenceKind = FenceSetting['kind'] | 'triggers';
export type HookSetting = Extract<FenceSetting, { kind: 'hook' }>;

type FencedJob = Pick<Job, 'kind' | 'cutover'>;
/** What its record says of a server that is frozen. */
interface Frozen {
  source: string;
  by?: { kind: 'accounts' | 'hook' } | null;
}

export function fenceOf({ kind, cutover }: FencedJob, server: string): FenceSetting | Triggers {
  if (kind === 'expand') return { kind: 'triggers' };
  return cutover.fences?.[server] ?? cutover.fence ?? { kind: 'read-only' };
}

interface Triggers {
  kind: 'triggers';
}

/**
 * By what it is fenced, if it is (`frozen`), whatever the job file says by now: a record that says
 * nothing was frozen by what needs no record of its own.
 */
export function fenceKind(job: FencedJob, server: string, frozen?: Frozen): FenceKind {
  if (frozen === undefined) return fenceOf(job, server).kind;
  return frozen.by?.kind ?? (job.kind === 'expand' ? 'triggers' : 'read-only');
}

/** The hook of a server that it has frozen; the command is in the job file alone. */
export function hookOf(job: FencedJob, server: string): HookSetting {
  const setting = fenceOf(job, server);
  if (setting.kind === 'hook') return setting;
  throw new ReshardError('config', `the job file has no hook for ${server} any more`, {
    remedy: 'it was frozen by one: put `kind: hook` back, and start control again',
  });
}

/** Accounts that Reshard works by, on whichever server: they are never fenced. */
export function ownUsers({ sources, targets, replicas }: Job): Set<string> {
  const ofReplicas = sources.flatMap(s => s.replica?.user ?? []);
  return new Set([...[...sources, ...targets, ...replicas].map(s => s.user), ...ofReplicas]);
}

/** What can be told of fences without their servers. */
export function refuseFences({ kind, cutover, sources, targets }: Job): void {
  const { fence, fences = {} } = cutover;
  const names = [...sources, ...targets].map(s => s.name);
  const unknown = Object.keys(fences).find(n => !names.includes(n));
  if (unknown !== undefined) {
    throw new ReshardError('config', `cutover.fences: there is no server ${unknown}`, {
      remedy: `the servers of the job are ${names.join(', ')}`,
    });
  }
  if (kind !== 'expand' || (fence === undefined && Object.keys(fences).length === 0)) return;
  throw new ReshardError('config', 'cutover.fence: a cluster that grows has triggers, no choice', {
    remedy: 'take `cutover.fence` and `cutover.fences` out of the job file',
  });
}
