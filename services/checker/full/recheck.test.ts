/** Keys that differed, on servers that are played. */
import { expect, test } from 'vitest';
import { FixedRoute } from '../../../shared/route/fixed.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { TablePlaces } from './probe.ts';
import { literals } from './range-walk.ts';
import { Recheck } from './recheck.ts';
import type { SessionSet, SessionSetPool } from './session-set.ts';

const SCHEMA: TableSchema = {
  db: 'shop',
  table: 'orders',
  columns: [
    {
      name: 'id',
      type: { kind: 'integer', bits: 32, unsigned: false },
      nullable: false,
      autoIncrement: false,
      generated: 'no',
      invisible: false,
    },
  ],
  primaryKey: [0],
  uniqueKeys: [],
};

/** A shard that nobody asks for, a fingerprint, and the key 7. */
const ROW = Buffer.concat([
  Buffer.from([0xfb]),
  Buffer.from([2]),
  Buffer.from('aa'),
  Buffer.from([1]),
  Buffer.from('7'),
]);

/** One target that has the row of the key, which no source has. */
function played(): { pool: SessionSetPool; places: TablePlaces } {
  const session = {
    flavor: 'mysql',
    rawQuery: async (_: string, onRow: (buf: Buffer, start: number, end: number) => void) => {
      onRow(ROW, 0, ROW.length);
      return { warnings: 0 };
    },
  };
  const set = { session: async () => session } as unknown as SessionSet;
  const use = <T>(work: (s: SessionSet) => Promise<T>): Promise<T> => work(set);
  const server = { name: 't1', database: 'shop', open: () => Promise.reject(new Error('played')) };
  const target = { server, schema: SCHEMA };
  const route = new FixedRoute(0);
  const places = { table: 'orders', route, sources: [], targets: [target] } as unknown;
  return { pool: { use } as unknown as SessionSetPool, places: places as TablePlaces };
}

test('a key that differs is told of once, however often it is found', async () => {
  const told: string[] = [];
  const found = Promise.withResolvers<void>();
  const recheck = new Recheck({
    ...played(),
    waiter: { passed: async () => {} },
    signal: new AbortController().signal,
    pendingMax: 10,
    onDifferent: ({ key }) => {
      told.push(JSON.stringify(key));
      found.resolve();
      return true;
    },
    onUnsettled: () => expect.fail('it is settled'),
  });
  const key = literals(['7']);
  recheck.add(key);
  const running = recheck.run();
  await found.promise;
  // The first rows are probed once more at the end: the key is found again.
  recheck.add(key);
  recheck.close();
  await running;
  expect(told).toEqual([JSON.stringify(key)]);
  expect(recheck.total).toBe(1);
});
