/**
 * A small mixed load whose row changes are counted exactly: each connection owns keys of its own,
 * so no statement waits for or misses another's rows, and what the log must hold is known.
 */
import type mysql from 'mysql2/promise';
import { Random } from '../support/load/random.ts';
import type { BinlogRig } from './binlog-rig.ts';

export const SMALL_TABLE = {
  name: 't',
  sql: `CREATE TABLE t (
    id BIGINT NOT NULL PRIMARY KEY, n INT NOT NULL, v VARCHAR(60) NULL, amount DECIMAL(9,2) NULL
  )`,
};

const KEYS = 40;

export interface SmallLoad extends AsyncDisposable {
  /** Ends the load; gives the number of records that its changes make. */
  stop(): Promise<number>;
}

/** Runs until stopped. Loads one after the other need other workers: keys are known to one. */
export function startSmallLoad(
  rig: BinlogRig,
  o: { connections: number; seed: number; firstWorker?: number },
): SmallLoad {
  let stopping = false;
  const workers = Array.from({ length: o.connections }, (_, i) =>
    work(rig, (o.firstWorker ?? 0) + i, new Random(o.seed, i), () => stopping),
  );
  const stop = async (): Promise<number> => {
    stopping = true;
    return (await Promise.all(workers)).reduce((a, b) => a + b, 0);
  };
  return {
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

async function work(
  rig: BinlogRig,
  worker: number,
  random: Random,
  isOver: () => boolean,
): Promise<number> {
  const c = await rig.connect(rig.name);
  const rows = new Map<number, number>();
  let records = 0;
  let serial = 0;
  try {
    while (!isOver()) {
      await c.query('BEGIN');
      const kept = new Map(rows);
      let made = 0;
      for (let k = random.below(6); k >= 0; k--) {
        // Each statement writes another value: MySQL logs no change that changes nothing.
        serial += 1;
        made += await change(c, worker, serial, random, kept);
      }
      if (random.below(10) === 0) {
        await c.query('ROLLBACK');
        continue;
      }
      await c.query('COMMIT');
      rows.clear();
      for (const [id, n] of kept) rows.set(id, n);
      records += made;
    }
  } finally {
    await c.end();
  }
  return records;
}

/** One statement; returns how many records it makes. */
async function change(
  c: mysql.Connection,
  worker: number,
  serial: number,
  random: Random,
  rows: Map<number, number>,
): Promise<number> {
  const id = worker * 1000 + random.below(KEYS);
  const other = worker * 1000 + random.below(KEYS);
  const known = rows.has(id);
  const kind = random.below(6);
  if (!known || kind === 0) {
    // REPLACE of an existing row: without other unique keys MySQL logs one update.
    await c.query('REPLACE INTO t VALUES (?, ?, ?, 1.5)', [id, serial, `r${serial}`]);
    rows.set(id, serial);
    return 1;
  }
  if (kind === 1) {
    await c.query('DELETE FROM t WHERE id = ?', [id]);
    rows.delete(id);
    return 1;
  }
  if (kind === 2 && !rows.has(other)) {
    await c.query('UPDATE t SET id = ?, n = ? WHERE id = ?', [other, serial, id]);
    rows.delete(id);
    rows.set(other, serial);
    return 2;
  }
  await c.query('UPDATE t SET n = ?, v = ? WHERE id = ?', [serial, `u${serial}`, id]);
  rows.set(id, serial);
  return 1;
}
