/** A request whose source is away waits for it, visibly; it is neither lost nor in anybody's way. */
import { expect, test, vi } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import { JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { Requests, type RequestsDeps } from './requests.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
const AWAY = { host: '127.0.0.1', port: 1, user: 'u', password: 'p', database: 'shop' };

test('a recopy whose source is away holds up nothing, says what it waits for, and stays open', async () => {
  const view = new JobView();
  const written: string[] = [];
  const put = async (key: string, record: Partial<StateRecord>): Promise<void> => {
    written.push(key);
    view.apply(key, { ...NONE, ...record });
  };
  const job = {
    job: 'shop',
    options: { addedColumns: 'apply', droppedColumns: 'stop' },
    sources: [{ name: 's1', ...AWAY }],
    tables: [{ name: 'orders' }],
  };
  const deps = {
    job: job as unknown as Job,
    view,
    ruling: view,
    log: createLogger({ name: 'test', level: 'silent' }),
    writer: { put },
    progress: new Map(),
    proofs: { doubt: async () => {} },
    grown: { list: () => [] },
  };
  const requests = new Requests(deps as unknown as RequestsDeps);
  const order = (id: string, source: string, requestedMs: number): void => {
    const asked = { requestedMs, source, tables: ['orders'], jump: false, skip: false };
    view.apply(stateKey.recopy(id), { ...NONE, recopy: { id, ...asked } });
  };
  order('recopy-1', 's1', 1);
  order('recopy-2', 's2', 2);
  // Each turn of control comes back at once; the other request gets its answer meanwhile.
  await until(
    async () => {
      await requests.step();
      const [waiting] = requests.waiting;
      return waiting?.what.includes('unreachable') && view.recopies.get('recopy-2')?.error;
    },
    { timeoutMs: 20_000, everyMs: 5, what: 'the reason' },
  );
  expect(requests.waiting.map(w => [w.id, w.stage])).toEqual([['recopy-1', 'planning']]);
  expect(requests.waiting[0]?.what).toMatch(/^its servers: unreachable: /);
  expect(view.recopies.get('recopy-1')).toMatchObject({ id: 'recopy-1' });
  expect(view.recopies.get('recopy-1')?.error ?? null).toBeNull();
  expect(view.recopies.get('recopy-2')?.error).toMatch(/the job has no source s2/);
  expect(written).toEqual(['recopied/recopy-2']);
});

test('columns that control could not take up at once are asked for again, after a pause', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const view = new JobView();
    const requested: string[] = [];
    const put = async (key: string, record: Partial<StateRecord>): Promise<void> => {
      if (record.growth) requested.push(key);
      view.apply(key, { ...NONE, ...record });
    };
    const halt = {
      source: 's1',
      table: 'orders',
      added: 'a',
      widened: [],
      removed: [],
      sinceMs: 0,
    };
    const deps = {
      job: {
        job: 'shop',
        options: { addedColumns: 'apply', droppedColumns: 'stop' },
        sources: [{ name: 's1', ...AWAY }],
      },
      view,
      ruling: view,
      log: createLogger({ name: 'test', level: 'silent' }),
      writer: { put },
      progress: new Map(),
      // The targets are ready; the look that follows the request is refused: there is no plan.
      grown: { list: () => [halt], grow: async () => true },
    };
    const requests = new Requests(deps as unknown as RequestsDeps);
    const steps = async (): Promise<number> => {
      for (let i = 0; i < 20; i++) await requests.step();
      return requested.length;
    };
    expect(await steps()).toBe(1);
    vi.advanceTimersByTime(9_000);
    expect(await steps()).toBe(1);
    vi.advanceTimersByTime(2_000);
    expect(await steps()).toBe(2);
    // One that is always refused must not fill the state topic.
    vi.advanceTimersByTime(15_000);
    expect(await steps()).toBe(2);
    vi.advanceTimersByTime(6_000);
    expect(await steps()).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});

test('columns that wait for a server are told of, until their source has halted elsewhere', async () => {
  const halt = { source: 's1', table: 'orders', added: 'a', widened: [], removed: [], sinceMs: 0 };
  let halts = [halt];
  const away = new ReshardError('target', 'Lock wait timeout exceeded');
  const deps = {
    job: {
      job: 'shop',
      options: { addedColumns: 'apply', droppedColumns: 'stop' },
      sources: [{ name: 's1', ...AWAY }],
    },
    view: new JobView(),
    ruling: new JobView(),
    log: createLogger({ name: 'test', level: 'silent' }),
    progress: new Map(),
    grown: { list: () => halts, grow: () => Promise.reject(away) },
  };
  const requests = new Requests(deps as unknown as RequestsDeps);
  await until(
    async () => {
      await requests.step();
      return requests.waiting[0]?.what.includes('Lock wait');
    },
    { timeoutMs: 20_000, everyMs: 5, what: 'the reason' },
  );
  const told = { stage: 'adding columns', tables: ['orders'], error: null };
  expect(requests.waiting).toMatchObject([told]);
  halts = [{ ...halt, added: 'b' }];
  await requests.step();
  expect(requests.waiting.map(w => w.id)).toEqual(['growth-s1-orders-b']);
  halts = [];
  await requests.step();
  expect(requests.waiting).toEqual([]);
});

test('while rows are carried the other way logs are kept going, and nothing is copied', async () => {
  const view = new JobView();
  const asked: string[] = [];
  const halt = { source: 's1', table: 'orders', added: 'a', widened: [], removed: [], sinceMs: 0 };
  const deps = {
    job: { job: 'shop', options: { addedColumns: 'apply' }, sources: [{ name: 's1', ...AWAY }] },
    view,
    ruling: view,
    log: createLogger({ name: 'test', level: 'silent' }),
    writer: {
      put: async (key: string, record: Partial<StateRecord>) => {
        asked.push(key.split('-')[0] ?? '');
        view.apply(key, { ...NONE, ...record });
      },
    },
    progress: new Map(),
    grown: { list: () => [halt], grow: async () => true, haltOf: () => null },
  };
  const order = { requestedMs: 1, source: 's2', tables: ['orders'], jump: false, skip: false };
  view.apply(stateKey.recopy('recopy-1'), { ...NONE, recopy: { id: 'recopy-1', ...order } });
  const skip = { id: 'skip-1', requestedMs: 1, by: 'ann', source: 's2', gtid: 'u:7' };
  view.apply(stateKey.skip('skip-1'), { ...NONE, skip });
  const requests = new Requests(deps as unknown as RequestsDeps);
  for (let i = 0; i < 20; i++) await requests.step(true);
  expect(new Set(asked)).toEqual(new Set(['growth/growth', 'applied/growth', 'applied/skip']));
  expect(view.recopies.get('recopy-1')?.error).toBeUndefined();
});
