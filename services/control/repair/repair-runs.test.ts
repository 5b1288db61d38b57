/** A repair is carried out to its end from its records, whoever dies at whatever step. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { Difference, TableResult } from '../../../shared/job/state/check-result.ts';
import {
  JobView,
  type StateRecord,
  stateKey,
  type TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import { ProgressView, progressKey } from '../../../shared/job/state/progress-view.ts';
import type { VerifyRequest } from '../../../shared/job/state/verify-request.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { RepairRuns } from './repair-runs.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
const ORDER = 'repair-1';

class Died extends Error {}

/** The state topic, progress, targets and checker of a job with two sources. */
class Rig {
  readonly view = new JobView();
  readonly progress = new Map([
    ['s1', new ProgressView()],
    ['s2', new ProgressView()],
  ]);
  readonly written: string[] = [];
  readonly reports = new Map<string, Report>();
  applied = 0;
  end = 0;
  /** What every check finds. */
  found: Difference[] = [];
  /** The result of a check. */
  answer = (_: VerifyRequest): Partial<TableResult> => ({ differences: this.found });
  /** Writes that are done before the next one kills the process; it is done, or not. */
  dieAt: { write: number; isDone: boolean } | null = null;
  #writes = 0;

  constructor() {
    for (const [source, table] of [
      ['s1', 'orders'],
      ['s2', 'orders'],
      ['s1', 'items'],
    ] as const) {
      const schemaJson = JSON.stringify({
        db: 'shop',
        table,
        columns: [
          {
            name: 'id',
            type: { kind: 'integer', bits: 64, unsigned: true },
            nullable: false,
            autoIncrement: true,
            generated: 'no',
            invisible: false,
          },
        ],
        primaryKey: [0],
        uniqueKeys: [],
      });
      const topic = `${source}.shop.${table}`;
      const ids = { keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0 };
      const place = { source, db: 'shop', table, topic };
      const plan: TablePlanRecord = { generation: 1, ...place, schemaJson, ...ids, ranges: [] };
      this.view.apply(stateKey.plan(source, 'shop', table), { ...NONE, plan });
    }
    const keys = [1, 2].map(id => ({
      table: 'orders',
      key: { id: `${id}` },
      source: 's1',
      clear: 'always' as const,
    }));
    const order = { id: ORDER, requestedMs: 1, by: 'ann', check: null, keys };
    this.view.apply(stateKey.order(ORDER), { ...NONE, order });
  }

  runs(): RepairRuns {
    const job = { sources: [{ name: 's1' }, { name: 's2' }], targets: [{ name: 't1' }] };
    return new RepairRuns({
      job: job as Job,
      view: this.view,
      kafka: { highWatermarks: async () => [this.end] },
      log: createLogger({ name: 'test', level: 'fatal' }),
      progress: this.progress,
      checkReport: id => this.reports.get(id),
      applied: async () => ({
        offsets: new Map(
          ['s1', 's2'].map(s => [`${s}.shop.orders/0`, this.applied] as [string, number]),
        ),
        parked: 0,
        blocked: 0,
      }),
      put: (key, record) => this.#write(key, { ...NONE, ...record }),
      remove: key => this.#write(key, null),
      doubt: async () => {},
    });
  }

  async #write(key: string, record: StateRecord | null): Promise<void> {
    const dies = this.dieAt?.write === this.#writes;
    this.#writes += 1;
    if (dies && !this.dieAt?.isDone) throw new Died();
    this.view.apply(key, record);
    if (record !== null) this.written.push(key);
    if (dies) throw new Died();
  }

  /** The other services do what has been asked for. */
  serve(): void {
    for (const { id, source, keys, clear } of this.view.repairs.values()) {
      const at = this.progress.get(source);
      if (at?.repairs.has(id)) continue;
      this.end += 1;
      const deleted = clear === 'always' ? keys.length : 0;
      const counts = { done: keys.length, rows: 1, deleted, dropped: 0, nextSeq: 1, rejected: 0 };
      const repair = { id, complete: true, ...counts, reason: null };
      at?.apply(progressKey.repair(id), { resume: null, range: null, repair });
    }
    for (const request of this.view.verifies.values()) {
      const { id } = request;
      const from = { service: 'checker', unit: id, member: 'm', incarnation: 'i', tsMs: 1 };
      const detail = JSON.stringify({ tables: [{ table: 'orders', ...this.answer(request) }] });
      this.reports.set(id, { ...from, state: 'finished', error: null, counters: {}, detail });
    }
  }

  /** A recopy of orders of s1, planned and copied; there is no order beside it. */
  recopied(id: string): void {
    this.view.apply(stateKey.order(ORDER), null);
    const request = { id, requestedMs: 1, source: 's1', tables: ['orders'] };
    const recopy = { ...request, jump: false, skip: false, plannedMs: 2 };
    this.view.apply(stateKey.recopy(id), { ...NONE, recopy });
  }

  get stage(): string | undefined {
    return this.view.runs.get(ORDER)?.stage;
  }
}

async function carryOut(rig: Rig, applyEach: () => void): Promise<void> {
  let runs = rig.runs();
  for (let i = 0; i < 40 && rig.stage !== 'done'; i++) {
    try {
      await runs.step();
    } catch (e) {
      if (!(e instanceof Died)) throw e;
      rig.dieAt = null;
      runs = rig.runs();
    }
    rig.serve();
    applyEach();
  }
}

test('a second round is asked for only when the first one is on every target', async () => {
  const rig = new Rig();
  const runs = rig.runs();
  const asked = (): string[] => [...rig.view.repairs.keys()];
  await runs.step();
  rig.serve();
  for (let i = 0; i < 5; i++) await runs.step();
  expect(asked()).toEqual(['repair-1-0-0-0']);
  expect(runs.waiting[0]?.what).toBe(
    'target t1 to apply s1.shop.orders/0 up to offset 1 (it is at 0)',
  );
  rig.applied = rig.end;
  for (let i = 0; i < 2; i++) await runs.step();
  expect(asked()).toEqual(['repair-1-0-1-0']);
  expect(rig.view.verifies.size).toBe(0);
});

test('killed at any write, it is finished by the next control, with each thing asked for once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(14), fc.boolean(), async (write, isDone) => {
      const rig = new Rig();
      rig.dieAt = { write, isDone };
      await carryOut(rig, () => {
        rig.applied = rig.end;
      });
      expect(rig.stage).toBe('done');
      const repairs = rig.written.filter(key => key.startsWith('repair/'));
      expect(repairs).toEqual(['repair/repair-1-0-0-0', 'repair/repair-1-0-1-0']);
      await rig.runs().step();
      expect(rig.view.repairs.size).toBe(0);
      expect(rig.view.verifies.size).toBe(1);
      expect(rig.view.runs.get(ORDER)).toMatchObject({ keys: 4, rows: 2, deleted: 2, pass: 0 });
      const asked = rig.written.filter(key => /^(repair|verify)\//.test(key));
      expect(new Set(asked).size).toBe(asked.length);
    }),
    { numRuns: 60 },
  );
});

test('between its rounds it does not wait for a partition of another table', async () => {
  const rig = new Rig();
  // Nobody ever applies `items`; its topic ends where the others do.
  await carryOut(rig, () => {
    rig.applied = rig.end;
  });
  expect(rig.stage).toBe('done');
});

test('a recopy ends when a pass has cured nothing of what the check before it had found', async () => {
  const rig = new Rig();
  const id = 'recopy-1';
  rig.recopied(id);
  const difference = (key: string): Difference => ({
    ...{ table: 'orders', kind: 'missing', key: { id: key } },
    ...{ sources: ['s1'], expected: 't1', targets: [] },
  });
  rig.found = [difference('1'), difference('2')];
  const runs = rig.runs();
  for (let i = 0; i < 60 && rig.view.runs.get(id)?.stage !== 'done'; i++) {
    await runs.step();
    // The first pass cures one of the two; the other one no pass can cure.
    if (rig.view.runs.get(id)?.pass === 1) rig.found = [difference('2')];
    rig.serve();
    rig.applied = rig.end;
  }
  expect(rig.view.runs.get(id)).toMatchObject({ stage: 'done', pass: 2 });
  expect(rig.written.filter(key => key.startsWith('verify/'))).toHaveLength(3);
  expect(rig.view.verifies.size).toBe(1);
});

/** A table of rows that all differ, of which a check lists four. */
class ManyDifferences extends Rig {
  readonly asked: VerifyRequest[] = [];
  readonly #rows: number;
  #cured = 0;

  constructor(rows: number) {
    super();
    this.#rows = rows;
    const told = new Map<string, Partial<TableResult>>();
    this.answer = request => {
      const known = told.get(request.id) ?? this.#check(request);
      told.set(request.id, known);
      return known;
    };
  }

  #check(request: VerifyRequest): Partial<TableResult> {
    this.asked.push(request);
    const from = Math.max(this.#cured, Number(request.after?.orders?.id ?? 0));
    const differences = [1, 2, 3, 4].map(n => missing(`${from + n}`)).slice(0, this.#rows - from);
    if (differences.length < 4) return { differences };
    return { differences, truncated: true, settledTo: { id: `${from + 4}` } };
  }

  cure(): void {
    for (const { keys } of this.view.repairs.values()) {
      for (const key of keys) this.#cured = Math.max(this.#cured, key.at(-1) ?? 0);
    }
  }
}

function missing(id: string): Difference {
  return {
    ...{ table: 'orders', kind: 'missing', key: { id } },
    ...{ sources: ['s1'], expected: 't1', targets: [] },
  };
}

function orderOf(rig: ManyDifferences, check: string | null): void {
  const verify = { id: 'verify-0', requestedMs: 1, tables: ['orders'] };
  rig.view.apply(stateKey.verify(verify.id), { ...NONE, verify });
  rig.serve();
  const keys = [1, 2, 3, 4].map(id => {
    return { table: 'orders', key: { id: `${id}` }, source: 's1', clear: 'absent' as const };
  });
  const order = { id: ORDER, requestedMs: 1, by: 'ann', check, keys };
  rig.view.apply(stateKey.order(ORDER), { ...NONE, order });
}

test.each([8, 10])(
  'where a check gave up, its repair goes on behind it, and ends by a check of the whole (%i)',
  async rows => {
    const rig = new ManyDifferences(rows);
    orderOf(rig, 'verify-0');
    await carryOut(rig, () => {
      rig.cure();
      rig.applied = rig.end;
    });
    expect(rig.stage).toBe('done');
    expect(rig.asked.map(v => v.after?.orders?.id)).toEqual([undefined, '4', '8', undefined]);
    expect(rig.view.runs.get(ORDER)).toMatchObject({ check: rig.asked.at(-1)?.id });
    await rig.runs().step();
    expect(rig.view.repairs.size).toBe(0);
    expect([...rig.view.verifies.keys()]).toEqual(['verify-0', rig.asked.at(-1)?.id]);
  },
);

test('a check between passes whose report is gone leaves nothing unrepaired', async () => {
  const rig = new ManyDifferences(10);
  orderOf(rig, 'verify-0');
  await carryOut(rig, () => {
    rig.cure();
    rig.applied = rig.end;
    const { pass, round, stage, check } = rig.view.runs.get(ORDER) ?? {};
    if (pass === 1 && round === 1 && stage === 'repairing') rig.reports.delete(check ?? '');
  });
  expect(rig.stage).toBe('done');
  expect(rig.asked.map(v => v.after?.orders?.id)).toEqual([undefined, '4', undefined, undefined]);
  expect(rig.answer(rig.asked.at(-1) as VerifyRequest).differences).toEqual([]);
});

test('keys that the operator has named are all that is repaired', async () => {
  const rig = new ManyDifferences(10);
  orderOf(rig, null);
  await carryOut(rig, () => {
    rig.cure();
    rig.applied = rig.end;
  });
  expect(rig.stage).toBe('done');
  expect(rig.view.runs.get(ORDER)?.pass).toBe(0);
});

/** A key of a check that cannot be read back: of type `config`, as what an operator has typed. */
const UNREADABLE: Difference = {
  ...{ table: 'orders', kind: 'missing', key: { id: 'no number' } },
  ...{ sources: ['s1'], expected: 't1', targets: [] },
};

test('a check whose keys cannot be read back ends its own run, and nothing else', async () => {
  const rig = new Rig();
  const id = 'recopy-1';
  rig.recopied(id);
  rig.found = [UNREADABLE];
  const runs = rig.runs();
  const other = { id: 'repair-2', requestedMs: 9, by: 'ann', check: null };
  const keys = [{ table: 'orders', key: { id: '7' }, source: 's1', clear: 'always' as const }];
  rig.view.apply(stateKey.order(other.id), { ...NONE, order: { ...other, keys } });
  for (let i = 0; i < 40 && rig.view.runs.get(other.id)?.stage !== 'done'; i++) {
    await runs.step();
    rig.serve();
    rig.applied = rig.end;
  }
  const run = rig.view.runs.get(id);
  expect(run?.stage).toBe('failed');
  expect(run?.error).toMatch(/^config: recopy-1 cannot be planned.*id: .*remedy: .*verify/s);
  expect(rig.view.runs.get(other.id)?.stage).toBe('done');
});

test('between two rounds it does not fail by that: it stands still, is told of, and goes on', async () => {
  const rig = new Rig();
  const id = 'recopy-1';
  rig.recopied(id);
  const readable: Difference = { ...UNREADABLE, key: { id: '1' } };
  rig.found = [readable];
  const runs = rig.runs();
  const at = () => rig.view.runs.get(id);
  const turn = async (): Promise<void> => {
    await runs.step();
    rig.serve();
    rig.applied = rig.end;
  };
  for (let i = 0; i < 40 && at()?.round !== 1; i++) await turn();
  rig.found = [UNREADABLE];
  rig.serve();
  for (let i = 0; i < 5; i++) await turn();
  expect(at()).toMatchObject({ stage: 'repairing', round: 1, error: null });
  expect(runs.waiting[0]?.error).toMatch(/recopy-1 cannot be planned/);
  rig.found = [readable];
  for (let i = 0; i < 60 && at()?.stage !== 'done'; i++) await turn();
  expect(at()?.stage).toBe('done');
});
