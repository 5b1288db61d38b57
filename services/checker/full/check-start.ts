/**
 * Where a check begins: anew, or at the checkpoint of the one that was stopped. One that is gone on
 * with keeps the moment and the positions of its beginning, since what was compared first is as old
 * as that: a verdict never claims to be of a later one. What has been compared on other servers
 * than these is not gone on with.
 */
import type { GtidSet } from '../../../shared/change/gtid.ts';
import type { Checkpoint, TableCheckpoint } from '../../../shared/job/state/checkpoint.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { gtidUpperBound } from './gtid-upper-bound.ts';
import type { PositionWaiter } from './position-waiter.ts';
import { type CheckServer, identityOf, type SessionSetPool } from './session-set.ts';

export interface CheckStart extends Omit<Checkpoint, 'id' | 'savedMs' | 'tables'> {
  /** By table. */
  from: ReadonlyMap<string, TableCheckpoint>;
  /** Tables that are begun although something of them was compared, and why. */
  anew: { table: string; why: string }[];
  /** When it has begun, or was taken up; milliseconds. */
  atMs: number;
}

export interface StartOptions {
  sources: readonly CheckServer[];
  targets: readonly CheckServer[];
  /** `basis`: what a verdict of it will rest on; by default nothing. */
  tables: readonly { name: string; basis?: string }[];
  waiter: PositionWaiter;
  from: Checkpoint | null;
  signal: AbortSignal;
}

/** One that nobody has gone on with for so long would prove what was true too long ago. */
const OLD_MS = 86_400_000;

/** Resolves when the targets have what the sources have now. */
export async function startOf(pool: SessionSetPool, o: StartOptions): Promise<CheckStart> {
  const atMs = Date.now();
  const passed = await startPositions(pool, o.sources);
  // A target that is far behind would differ everywhere, and each key would have to be rechecked.
  await o.waiter.passed(passed, o.signal);
  const servers = await identitiesOf(pool, [...o.sources, ...o.targets]);
  const { from, anew } = keptOf(o, servers, atMs);
  if (o.from !== null && from.size > 0) {
    const { startedMs, workedMs, sourceGtids, targetGtids, resumes } = o.from;
    const kept = { startedMs, workedMs, sourceGtids, targetGtids, servers };
    return { ...kept, resumes: resumes + 1, from, anew, atMs };
  }
  const sourceGtids = Object.fromEntries([...passed].map(([name, set]) => [name, set.toString()]));
  const targetGtids = await targetPositions(pool, o.targets);
  const begun = { startedMs: atMs, workedMs: 0, sourceGtids, targetGtids, servers };
  return { ...begun, resumes: 0, from, anew, atMs };
}

/** What of a checkpoint holds still: on the same servers, of tables that nothing has changed. */
export function keptOf(
  { from: before, tables }: Pick<StartOptions, 'from' | 'tables'>,
  servers: Readonly<Record<string, string>>,
  nowMs: number,
): Pick<CheckStart, 'from' | 'anew'> {
  const from = new Map<string, TableCheckpoint>();
  const anew: CheckStart['anew'] = [];
  if (before === null) return { from, anew };
  const of = whyNot(before, servers, nowMs);
  for (const { name, basis = '' } of tables) {
    const known = before.tables.find(t => t.table === name);
    if (known === undefined) continue;
    const isOther = known.basis !== basis;
    const why = of ?? (isOther ? 'it was copied anew, or came into doubt, since' : null);
    if (why === null) from.set(name, known);
    else anew.push({ table: name, why });
  }
  return { from, anew };
}

/** Why nothing of it holds; null: it may. */
function whyNot(
  before: Checkpoint,
  servers: Readonly<Record<string, string>>,
  nowMs: number,
): string | null {
  const other = Object.keys(servers).find(name => before.servers[name] !== servers[name]);
  if (other !== undefined) return `${other} is another server than before`;
  return nowMs - before.savedMs > OLD_MS ? 'it was stopped more than a day ago' : null;
}

async function identitiesOf(
  pool: SessionSetPool,
  servers: readonly CheckServer[],
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const server of servers) {
    found[server.name] = await pool.use(async set => identityOf(await set.session(server)));
  }
  return found;
}

async function startPositions(
  pool: SessionSetPool,
  sources: readonly CheckServer[],
): Promise<Map<string, GtidSet>> {
  const positions = new Map<string, GtidSet>();
  for (const source of sources) {
    const set = await pool.use(async sessionSet =>
      gtidUpperBound(await sessionSet.session(source)),
    );
    positions.set(source.name, set);
  }
  return positions;
}

/** What every row of a target is read as of, or later. */
async function targetPositions(
  pool: SessionSetPool,
  targets: readonly CheckServer[],
): Promise<Record<string, string>> {
  const found = targets.map(async (target): Promise<[string, string]> => {
    const gtid = pool.use(async set => gtidLowerBound(await set.session(target)));
    return [target.name, await gtid.catch(withoutLog)];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** A server without a binary log has no position. */
function withoutLog(e: unknown): string {
  if (e instanceof ReshardError && e.kind === 'server-setting') return '';
  throw e;
}
