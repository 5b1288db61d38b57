/** A lookup table is a list in a file of its own: the same route, and another when it changes. */
import { expect, test } from 'vitest';
import { parseJob } from './job-schema.ts';
import { routeText, routeWords } from './route-spec.ts';

const SERVER = { host: 'a', port: 1, user: 'u', database: 'shop' };
const BASE = {
  job: 'shop',
  kafka: { brokers: ['a:1'] },
  registry: { url: 'http://a:1' },
  sources: [{ name: 's1', ...SERVER }],
  targets: ['t1', 't2'].map((name, i) => ({ name, ...SERVER, port: 2 + i })),
};
const LOOKUP = { kind: 'lookup', column: 'tenant', file: './tenants.csv' };

function parsed(file: string, route: object = LOOKUP) {
  const text = JSON.stringify({ ...BASE, route, tables: [{ name: 'users', route }] });
  return parseJob(text, {}, name => {
    expect(name).toBe('./tenants.csv');
    return file;
  });
}

test('the values of a file are those of a list, on each table that names it', () => {
  const job = parsed('\uFEFFacme,t1\r\nb, c ,t2\n\n 7,t1\n');
  const values = { t1: ['acme', ' 7'], t2: ['b, c '] };
  const list = { kind: 'list', column: 'tenant', values };
  expect(job.route).toEqual(list);
  expect(job.tables[0]?.route).toEqual(list);
  expect(routeText(job.route)).toBe(routeText(parsed('', list).route));
  expect(parsed('acme,t1', { ...LOOKUP, otherwise: 't2' }).route).toMatchObject({
    otherwise: 't2',
  });
});

test.each([
  ['has no line', '', /no line/],
  ['names no target', 'acme', /line 1 names no target/],
  ['has nothing behind the comma', 'a,t1\nacme, ', /line 2 names no target/],
  ['names a target that is none', 'acme,t9', /t9/],
  ['is too long', 'acme,t1\n'.repeat(8193), /at most 65536/],
])('a file that %s is refused', (_, file, why) => {
  expect(() => parsed(file)).toThrow(why);
});

test('a text without a file beside it is refused, and other members of a route too', () => {
  const text = JSON.stringify({ ...BASE, route: LOOKUP, tables: [{ name: 'users' }] });
  expect(() => parseJob(text, {})).toThrow(/no file beside/);
  expect(() => parsed('a,t1', { ...LOOKUP, values: { t1: ['b'] } })).toThrow(/values/);
});

test('a long table is told by its hash, and another one by another', () => {
  const lines = (to: string): string =>
    Array.from({ length: 100 }, (_, i) => `tenant-${i},${i === 7 ? to : 't1'}`).join('\n');
  const [one, other] = ['t1', 't2'].map(to => routeWords(parsed(lines(to)).route));
  expect(one).toMatch(/^list of 100 values of tenant, SHA-256 [0-9a-f]{64}$/);
  expect(other).not.toBe(one);
});
