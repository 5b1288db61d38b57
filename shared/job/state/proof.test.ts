/** The word `verified` of a table: what gives it, and everything that takes it back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JobView, type StateRecord, stateKey, type TablePlanRecord } from './job-view.ts';
import { basisOf, doubted, judged, type Proof, standings, type TableVerdict } from './proof.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };

function planned(view: JobView, table: string, generation: number, source = 's1'): void {
  const schemaJson = JSON.stringify({ db: 'shop', table, columns: [], primaryKey: [0] });
  const plan: TablePlanRecord = {
    generation,
    source,
    db: 'shop',
    table,
    topic: `${source}.shop.${table}`,
    schemaJson,
    keySchemaId: 1,
    valueSchemaId: 2,
    estimatedRows: 0,
    ranges: [],
  };
  view.apply(stateKey.plan(source, 'shop', table), { ...NONE, plan });
}

function verdict(view: JobView, table: string, check: string, over: Partial<TableVerdict> = {}) {
  const counts = { rows: 5, targetRows: 5, ranges: 1, differences: 0, unsettled: 0, blocked: 0 };
  const made: TableVerdict = {
    table,
    check,
    result: 'equal',
    reason: null,
    basis: basisOf(view, table),
    startedMs: 1,
    provenMs: 2,
    ...counts,
    sourceGtids: { s1: 'a:1-9' },
    ...over,
  };
  return made;
}

/** What control does with a verdict. */
function judge(view: JobView, v: TableVerdict): boolean {
  const proof = judged(view, v, 3);
  if (proof !== null) put(view, proof);
  return proof !== null;
}

function put(view: JobView, proof: Proof): void {
  view.apply(stateKey.proof(proof.table), { ...NONE, proof });
}

function proven(view: JobView): string[] {
  const all = standings(view, ['orders', 'items']);
  return all.filter(s => s.isProven).map(s => s.table);
}

function twoTables(): JobView {
  const view = new JobView();
  planned(view, 'orders', 1);
  planned(view, 'items', 1);
  return view;
}

describe('the word of a table', () => {
  test('is its own: an equal check of one says nothing of another', () => {
    const view = twoTables();
    judge(view, verdict(view, 'orders', 'verify-1', { result: 'different', differences: 3 }));
    judge(view, verdict(view, 'items', 'verify-2'));
    expect(proven(view)).toEqual(['items']);
    const [orders] = standings(view, ['orders']);
    expect(orders?.why).toBe('verify-1 found 3 keys that differ');
  });

  test.each(['different', 'unsettled', 'blocked', 'failed'] as const)(
    'is taken back by a later check whose result is %s',
    result => {
      const view = twoTables();
      judge(view, verdict(view, 'orders', 'verify-1'));
      expect(proven(view)).toEqual(['orders']);
      judge(view, verdict(view, 'orders', 'verify-2', { result, reason: 'no answer' }));
      expect(proven(view)).toEqual([]);
      expect(standings(view, ['orders'])[0]?.why).toContain('verify-2');
      judge(view, verdict(view, 'orders', 'verify-3'));
      expect(proven(view)).toEqual(['orders']);
    },
  );

  test('is taken back by a recopy of the table, and of no other', () => {
    const view = twoTables();
    for (const table of ['orders', 'items']) judge(view, verdict(view, table, 'verify-1'));
    planned(view, 'orders', 2);
    expect(proven(view)).toEqual(['items']);
    expect(standings(view, ['orders'])[0]?.why).toBe('copied anew after verify-1');
  });

  test('is taken back by a doubt, which says why', () => {
    const view = twoTables();
    judge(view, verdict(view, 'orders', 'verify-1'));
    const proof = view.proofs.get('orders');
    if (proof !== undefined) put(view, doubted(proof, 'repair-1 writes keys again', 9));
    const [orders] = standings(view, ['orders']);
    expect(orders).toMatchObject({
      isProven: false,
      why: 'repair-1 writes keys again (after verify-1)',
    });
  });

  test('a table that joins a source, or the job, is unproven', () => {
    const view = twoTables();
    judge(view, verdict(view, 'orders', 'verify-1'));
    planned(view, 'orders', 1, 's2');
    expect(proven(view)).toEqual([]);
    expect(standings(view, ['new'])).toMatchObject([
      { isProven: false, why: 'no check has compared it' },
    ]);
  });

  test('a verdict that comes late, of a check that began before a doubt, proves nothing', () => {
    const view = twoTables();
    const early = verdict(view, 'orders', 'verify-1');
    judge(view, verdict(view, 'orders', 'verify-2', { result: 'different', differences: 1 }));
    expect(judge(view, early)).toBe(false);
    expect(judge(view, { ...early, check: 'verify-9' })).toBe(false);
    expect(proven(view)).toEqual([]);
  });

  test('what is known to differ is known until a check has compared it again', () => {
    const view = twoTables();
    const differs = { result: 'different', differences: 3 } as const;
    judge(view, verdict(view, 'orders', 'verify-1', differs));
    judge(view, verdict(view, 'orders', 'verify-2', { result: 'failed', reason: 'away' }));
    judge(view, verdict(view, 'orders', 'verify-3', { result: 'unsettled', unsettled: 1 }));
    expect(view.proofs.get('orders')).toMatchObject({ ...differs, check: 'verify-1' });
    expect(standings(view, ['orders'])[0]?.why).toBe('verify-1 found 3 keys that differ');
    judge(view, verdict(view, 'orders', 'verify-4', { result: 'blocked', blocked: 1 }));
    expect(view.proofs.get('orders')).toMatchObject({ result: 'blocked', check: 'verify-4' });
    judge(view, verdict(view, 'orders', 'verify-5'));
    expect(proven(view)).toEqual(['orders']);
  });

  describe('of a check with a scope', () => {
    const part = { isPart: true, differences: 1, provenMs: 50, startedMs: 40 } as const;

    test('is none, whatever it has found equal', () => {
      const view = twoTables();
      const before = view.proofs.get('orders');
      for (const result of ['equal', 'unsettled', 'blocked', 'failed'] as const) {
        expect(judge(view, verdict(view, 'orders', 'verify-1', { ...part, result }))).toBe(false);
      }
      expect(view.proofs.get('orders')).toEqual(before);
      judge(view, verdict(view, 'orders', 'verify-2'));
      judge(view, verdict(view, 'orders', 'verify-3', { ...part, result: 'failed' }));
      expect(proven(view)).toEqual(['orders']);
    });

    test('is taken back by what it has found different, and its age stays that of the proof', () => {
      const view = twoTables();
      judge(view, verdict(view, 'orders', 'verify-1'));
      judge(view, verdict(view, 'orders', 'verify-2', { ...part, result: 'different' }));
      expect(proven(view)).toEqual([]);
      expect(standings(view, ['orders'])[0]?.why).toBe('verify-2 found 1 or more keys that differ');
      expect(view.proofs.get('orders')).toMatchObject({ startedMs: 1, provenMs: 2 });
      expect(view.proofs.get('orders')).not.toHaveProperty('isPart');
    });

    test('does not stand for what a check of all has found', () => {
      const view = twoTables();
      const many = { result: 'different', differences: 300 } as const;
      judge(view, verdict(view, 'orders', 'verify-1', many));
      judge(view, verdict(view, 'orders', 'verify-2', { ...part, result: 'different' }));
      expect(view.proofs.get('orders')).toMatchObject({ ...many, check: 'verify-1' });
    });
  });

  test('verdicts read again, in any order, change nothing', () => {
    const results = ['equal', 'different', 'unsettled', 'blocked', 'failed'] as const;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...results), { maxLength: 12 }),
        fc.array(fc.nat(11), { maxLength: 40 }),
        (said, again) => {
          const view = twoTables();
          const told = said.map((result, i) => {
            const v = verdict(view, 'orders', `verify-${String(i).padStart(2, '0')}`, { result });
            judge(view, v);
            return v;
          });
          const before = view.proofs.get('orders');
          for (const i of again) {
            const v = told[i];
            if (v !== undefined) judge(view, v);
          }
          expect(view.proofs.get('orders')).toEqual(before);
          expect(proven(view)).toEqual(said.at(-1) === 'equal' ? ['orders'] : []);
        },
      ),
    );
  });
});
