/** Enforces I1 (T1, T3, T4), I2, I3 and I7 for the ordered writer, with real servers and load. */
import { describe, expect, test } from 'vitest';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS } from '../../shared/runtime/failpoint.ts';
import { BinlogRig, folded, orderFaults, sourceRows } from './binlog-rig.ts';
import { SMALL_TABLE, startSmallLoad } from './small-load.ts';

/** The log of `t` is complete, ordered, without duplicates, and folds to the source. */
async function expectEqual(rig: BinlogRig, changes: number | null): Promise<void> {
  await rig.untilCaughtUp();
  const records = await rig.records('t');
  expect(orderFaults(records)).toEqual([]);
  if (changes !== null) expect(records.length).toBe(changes);
  const rows = [...folded(records).values()].sort((a, b) => Number(a[0]) - Number(b[0]));
  expect(rows).toEqual(await sourceRows(rig, 't'));
}

describe('a mixed load', () => {
  test('each row change is in the log once, in order, and the log folds to the source', async () => {
    await using rig = await BinlogRig.open({ name: 'mixed', tables: [SMALL_TABLE] });
    await using _ = rig.start();
    await using load = startSmallLoad(rig, { connections: 8, seed: 1 });
    for (let i = 0; i < 3; i++) {
      await sleep(700);
      await rig.sql('FLUSH BINARY LOGS');
    }
    await expectEqual(rig, await load.stop());
  });

  test('the dump is killed again and again', async () => {
    await using rig = await BinlogRig.open({ name: 'kill', tables: [SMALL_TABLE] });
    await using _ = rig.start();
    await using load = startSmallLoad(rig, { connections: 4, seed: 2 });
    for (const kill of ['KILL', 'KILL QUERY', 'KILL']) {
      const threads = await until(
        async () => {
          const found = await rig.dumpThreads();
          return found.length > 0 && found;
        },
        { timeoutMs: 20_000, what: 'a dump to run' },
      );
      await sleep(300);
      for (const thread of threads) await rig.sql(`${kill} ${thread}`).catch(() => undefined);
      await until(async () => !(await rig.dumpThreads()).includes(threads[0] ?? 0), {
        timeoutMs: 20_000,
        what: 'the killed dump to be gone',
      });
    }
    await expectEqual(rig, await load.stop());
  });
});

describe('crashes', () => {
  test.each([
    [FAILPOINTS.binlogBeforeCommit, 3],
    [FAILPOINTS.binlogAfterCommit, 7],
  ])('killed at %s, time %d', async (point, nth) => {
    await using rig = await BinlogRig.open({ name: 'crash', tables: [SMALL_TABLE] });
    await using load = startSmallLoad(rig, { connections: 4, seed: nth });
    const first = rig.spawn({ RESHARD_FAILPOINT: `${point}:${nth}` });
    expect(await first.exited).toBe(128);
    const second = rig.spawn({ RESHARD_FAILPOINT: `${point}:${nth + 1}` });
    expect(await second.exited).toBe(128);
    const changes = await load.stop();
    await using _ = rig.start();
    await expectEqual(rig, changes);
  });

  test('a SIGTERM drains: nothing is left open and the exit code is 0', async () => {
    await using rig = await BinlogRig.open({ name: 'term', tables: [SMALL_TABLE] });
    await using load = startSmallLoad(rig, { connections: 4, seed: 5 });
    const service = rig.spawn();
    await rig.withProgress(view =>
      until(() => (view.resume?.ordinal ?? 0) > 50, { timeoutMs: 20_000, what: 'records' }),
    );
    service.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    const changes = await load.stop();
    await using _ = rig.start();
    await expectEqual(rig, changes);
  });
});

describe('two members', () => {
  test('a paused owner that wakes up changes nothing (the lease moved, the fence holds)', async () => {
    await using rig = await BinlogRig.open({ name: 'pause', tables: [SMALL_TABLE] });
    await using load = startSmallLoad(rig, { connections: 4, seed: 6 });
    const owner = rig.spawn();
    const epochs = await rig.withProgress(async view => {
      await until(() => (view.resume?.ordinal ?? 0) > 20, { timeoutMs: 20_000, what: 'records' });
      const standby = rig.spawn();
      await sleep(500);
      const before = view.resume?.epoch ?? 0;
      owner.kill('SIGSTOP');
      await until(() => (view.resume?.epoch ?? 0) > before, {
        timeoutMs: 20_000,
        what: 'the standby to take over',
      });
      owner.kill('SIGCONT');
      await sleep(1500);
      standby.kill('SIGTERM');
      owner.kill('SIGTERM');
      await Promise.all([standby.exited, owner.exited]);
      return { before, after: view.resume?.epoch ?? 0 };
    });
    expect(epochs.after).toBeGreaterThan(epochs.before);
    const changes = await load.stop();
    await using _ = rig.start();
    await expectEqual(rig, changes);
  });
});
