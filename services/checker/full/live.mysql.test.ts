import { describe, expect, test } from 'vitest';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { AT_REST, CheckBed, found, foundByOracle } from '../../../test/support/checker/bed.ts';
import { LaggingPipe } from '../../../test/support/checker/lagging-pipe.ts';

const TIMEOUT_MS = 120_000;
const STRIDE = 4;
const SIMPLE = 'id INT PRIMARY KEY, customer_id INT NOT NULL, a VARCHAR(40), b VARCHAR(40)';

/** Rows whose ids are no multiples of STRIDE stand still; the others are the pipe's. */
async function stillRows(bed: CheckBed, count: number): Promise<void> {
  const rows: string[][] = bed.targets.map(() => []);
  for (let id = 1; id <= count; id++) {
    if (id % STRIDE !== 0) rows[id % bed.targets.length]?.push(`(${id},${id},'a${id}','b')`);
  }
  await bed.source().rawQuery(`INSERT INTO t VALUES ${rows.flat().join(',')}`);
  for (const [t, share] of rows.entries()) {
    await bed.target(t).rawQuery(`INSERT INTO t VALUES ${share.join(',')}`);
  }
}

const PIPE = { writers: 4, rows: 500, stride: STRIDE, lagMs: 250, seed: 7 };
const RANGES = { rangeRows: 1000, leafRows: 100 };

describe('full check of live data behind a lagging pipeline', { timeout: TIMEOUT_MS }, () => {
  test('changes on their way are no difference, and planted differences are found', async () => {
    await using bed = await CheckBed.open('live');
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    await stillRows(bed, 8000);
    {
      await using pipe = new LaggingPipe(bed, PIPE);
      pipe.start();
      await sleep(500);
      for (let round = 0; round < 3; round++) {
        const before = pipe.writes;
        const result = await bed.check({ waiter: pipe, ...RANGES });
        expect(pipe.writes).toBeGreaterThan(before);
        expect(result).toMatchObject({ equal: true, differences: 0, unsettled: 0 });
        // The test is of use only if the first probes did see changes on their way.
        expect(result.tables[0]?.rechecked).toBeGreaterThan(0);
      }
      await bed.target(0).rawQuery("UPDATE t SET b = 'B' WHERE id = 1002");
      await bed.target(1).rawQuery('DELETE FROM t WHERE id = 2001');
      await bed.target(1).rawQuery("INSERT INTO t VALUES (9001, 1, 'x', 'y')");
      await bed.target(0).rawQuery("INSERT INTO t VALUES (3001, 3001, 'a3001', 'b')");
      await bed.target(1).rawQuery('DELETE FROM t WHERE id = 3001');
      const result = await bed.check({ waiter: pipe, ...RANGES });
      const planted = ['different 1002', 'extra 9001', 'misplaced 3001', 'missing 2001'];
      expect(found(result)).toEqual(planted);
      expect(result.unsettled).toBe(0);
    }
    // At rest, the oracle sees the same and nothing else.
    expect(foundByOracle(await bed.oracle())).toEqual([
      'different 1002',
      'extra 9001',
      'misplaced 3001',
      'missing 2001',
    ]);
  });

  test('without waiting for the pipeline the same data looks different', async () => {
    await using bed = await CheckBed.open('nowait');
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    // Rows change once, and the targets get that a second later.
    const pipe = new LaggingPipe(bed, { ...PIPE, rows: 5000, lagMs: 6000 });
    pipe.start();
    await sleep(200);
    const result = await bed.check({ waiter: AT_REST, ...RANGES });
    await pipe[Symbol.asyncDispose]();
    expect(result.differences).toBeGreaterThan(0);
    expect((await bed.oracle()).equal).toBe(true);
  });

  test('a row that keeps changing to and fro is never called different', async () => {
    await using bed = await CheckBed.open('toggle', { targets: 1 });
    await bed.table('t', SIMPLE, { shardColumn: 'customer_id' });
    await stillRows(bed, 100);
    const place = bed.sources[0];
    const there = bed.targets[0];
    if (place === undefined || there === undefined) throw new Error('no databases');
    const stop = new AbortController();
    let source = 0;
    let applied = 0;
    const toggling = (async () => {
      await using s = await MysqlSession.open(place, { role: 'admin' });
      while (!stop.signal.aborted) {
        await s.rawQuery(`REPLACE INTO t VALUES (50, 0, '${source % 2}', NULL)`);
        source += 1;
        await sleep(3);
      }
    })();
    const applying = (async () => {
      await using s = await MysqlSession.open(there, { role: 'admin' });
      while (!stop.signal.aborted || applied < source) {
        const end = source;
        await sleep(7);
        for (; applied < end; applied++) {
          await s.rawQuery(`REPLACE INTO t VALUES (50, 0, '${applied % 2}', NULL)`);
        }
      }
    })();
    const waiter = {
      async passed(): Promise<void> {
        // One more: it may be committed and not counted yet.
        const end = source + 1;
        while (applied < end) await sleep(2);
      },
    };
    for (let round = 0; round < 20; round++) {
      const result = await bed.check({ waiter });
      expect(result.differences).toBe(0);
    }
    stop.abort();
    await Promise.all([toggling, applying]);
    expect(source).toBeGreaterThan(50);
  });
});
