import { describe, expect, test } from 'vitest';
import type { Difference } from '../../../shared/job/state/check-result.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { planRepair } from './repair-plan.ts';

const schema: TableSchema = {
  db: 'shop',
  table: 'orders',
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
};

const plan = (source: string): TablePlan => ({
  generation: 1,
  source,
  db: 'shop',
  table: 'orders',
  topic: `${source}.shop.orders`,
  schemaJson: '',
  keySchemaId: 1,
  valueSchemaId: 2,
  estimatedRows: 0,
  ranges: [],
  schema,
});

function difference(id: number, sources: string[], expected: string | null, targets: string[]) {
  const d: Difference = {
    table: 'orders',
    kind: 'different',
    key: { id: `${id}` },
    sources,
    expected,
    targets,
  };
  return d;
}

/** `source/clear:keys` of each round. */
function shown(differences: Difference[], sources: string[]): string[][] {
  const bound = new KeyBound(schema);
  const { rounds } = planRepair(differences, sources, sources.map(plan));
  return rounds.map(round =>
    round.map(d => `${d.source}/${d.clear}:${d.keys.map(k => bound.literals(k)).join(',')}`),
  );
}

describe('what a repair asks for', () => {
  const missing = difference(1, ['s1'], 't1', []);
  const different = difference(2, ['s1'], 't1', ['t1']);
  const extra = difference(3, [], null, ['t2']);
  const misplaced = difference(4, ['s1'], 't1', ['t2']);
  const twice = difference(5, ['s1'], 't1', ['t1', 't2']);

  test('one source: one round; only a key with a stray row is deleted before its row', () => {
    expect(shown([missing, different, extra, misplaced, twice], ['s1'])).toEqual([
      ['s1/absent:1,2,3', 's1/always:4,5'],
    ]);
  });

  test('a row with a JSON document goes before it comes, since MySQL may hold both equal', () => {
    const [id] = schema.columns;
    const document = { ...id, name: 'doc', type: { kind: 'json' } } as typeof id;
    const columns = [...schema.columns, ...(document === undefined ? [] : [document])];
    const { rounds } = planRepair(
      [{ ...missing, kind: 'missing' as const }, different],
      ['s1'],
      [{ ...plan('s1'), schema: { ...schema, columns } }],
    );
    expect(rounds.flat().map(d => [d.clear, d.keys.length])).toEqual([
      ['absent', 1],
      ['always', 1],
    ]);
  });

  test('several sources: each one that does not have the key says so, as its row may be there', () => {
    expect(shown([extra, difference(6, ['s2'], 't1', [])], ['s1', 's2'])).toEqual([
      ['s1/absent:3', 's2/absent:6'],
      ['s2/absent:3', 's1/absent:6'],
    ]);
  });

  test('a key of two sources is refused', () => {
    const duplicate = difference(7, ['s1', 's2'], 't1', ['t1']);
    const { rounds, refused } = planRepair([duplicate], ['s1', 's2'], [plan('s1'), plan('s2')]);
    expect(rounds).toEqual([]);
    expect(refused).toEqual([duplicate]);
  });

  test('many keys are several requests', () => {
    const many = Array.from({ length: 1201 }, (_, i) => difference(i, ['s1'], 't1', []));
    const { rounds } = planRepair(many, ['s1'], [plan('s1')]);
    expect(rounds.map(r => r.map(d => d.keys.length))).toEqual([[500, 500, 201]]);
  });
});
