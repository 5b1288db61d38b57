/**
 * Taking lanes over: look at their tables, make their offset rows ours, read where they stand and
 * what is parked. From the commit of the claim on, every transaction of an earlier owner fails.
 */
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { asReshardError, ReshardError } from '../../shared/runtime/error.ts';
import { type Lane, type LanePosition, nothingWaits, type Waiting } from './lane.ts';
import { isOfData } from './refusal.ts';
import type { SinkTable } from './table.ts';
import type { MysqlTable } from './target/mysql.ts';
import type { Target } from './target.ts';

export interface Claim {
  lane: Lane;
  position: LanePosition;
  waiting: Waiting;
}

/** `tables` gets what is found of the lanes' tables; lanes whose table does not fit are `unfit`. */
export async function claimLanes(
  session: MysqlSession,
  target: Target,
  due: readonly Lane[],
  tables: Map<SinkTable, MysqlTable>,
): Promise<{ claims: Claim[]; unfit: { lane: Lane; error: ReshardError }[] }> {
  const lanes: Lane[] = [];
  const unfit: { lane: Lane; error: ReshardError }[] = [];
  for (const lane of due) {
    const { table } = lane;
    // What halted the lane may have been cured by changing the table.
    if (lane.state === 'halted') tables.delete(table);
    try {
      if (!tables.has(table)) tables.set(table, await target.inspect(session, table));
      lanes.push(lane);
    } catch (e) {
      if (!isOfData(e)) throw e;
      unfit.push({ lane, error: asReshardError(e) });
    }
  }
  await session.rawQuery('ROLLBACK');
  if (lanes.length === 0) return { claims: [], unfit };
  const positions = await target.offsets.claim(session, lanes);
  const parked = await target.parks.load(session, lanes);
  const letters = await target.letters.count(session, lanes);
  await session.rawQuery('ROLLBACK');
  const claims = lanes.map((lane, i) => {
    const position = positions[i];
    if (position === undefined) throw new ReshardError('bug', `${lane.name} was not claimed`);
    const waiting = parked.get(lane) ?? nothingWaits();
    return { lane, position, waiting: { ...waiting, letters: letters.get(lane) ?? 0 } };
  });
  return { claims, unfit };
}
