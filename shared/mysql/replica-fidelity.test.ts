/** Which replication filters can keep a change of ours out of a replica's rows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filterFault, type ReplicaFilters } from './replica-fidelity.ts';

const NONE: ReplicaFilters = {
  doDb: [],
  ignoreDb: [],
  doTable: [],
  ignoreTable: [],
  wildDoTable: [],
  wildIgnoreTable: [],
  rewriteDb: '',
  ignoreServerIds: [],
  doDomainIds: [],
  ignoreDomainIds: [],
};

const fault = (some: Partial<ReplicaFilters>): string | null =>
  filterFault({ ...NONE, ...some }, 'shop', ['orders', 'items']);

describe('a filter that may touch our tables is seen', () => {
  test.each<[string, Partial<ReplicaFilters>]>([
    ['our database is ignored', { ignoreDb: ['mysql', 'Shop'] }],
    ['only another one is taken', { doDb: ['other'] }],
    ['one table is ignored', { ignoreTable: ['shop.items'] }],
    ['one table is not among those taken', { doTable: ['shop.orders'] }],
    ['a pattern ignores one', { wildIgnoreTable: ['sh_p.it%'] }],
    ['no pattern takes one', { wildDoTable: ['shop.o%'] }],
    ['the database gets another name', { rewriteDb: '(shop,shop2)' }],
    ['a server is left out', { ignoreServerIds: ['7'] }],
    ['a domain is left out', { ignoreDomainIds: ['1'] }],
    ['only some domains are taken', { doDomainIds: ['1'] }],
  ])('%s', (_, some) => {
    expect(fault(some)).not.toBeNull();
  });
});

test('filters of other databases and tables are no fault', () => {
  expect(fault({})).toBeNull();
  expect(fault({ ignoreDb: ['mysql'], ignoreTable: ['mysql.rds_history'] })).toBeNull();
  expect(fault({ doDb: ['shop', 'other'] })).toBeNull();
  expect(fault({ doTable: ['shop.orders'], wildDoTable: ['shop.it%'] })).toBeNull();
  expect(fault({ wildIgnoreTable: ['shop\\_.%', 'shop.orders\\_'] })).toBeNull();
});

test('property: a pattern made of our name by % and _ always matches it', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('keep', '_', '%'), { maxLength: 10 }), marks => {
      const name = 'shop.items';
      const pattern = [...name].map((c, i) => (marks[i] === 'keep' ? c : (marks[i] ?? c))).join('');
      expect(fault({ wildIgnoreTable: [pattern] })).not.toBeNull();
    }),
  );
});
