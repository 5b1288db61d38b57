/** The way back of a job: what it is, and what is refused before anything starts. */
import { describe, expect, test } from 'vitest';
import { parseJob } from './job-schema.ts';
import { isReturnJob, returnJob } from './return-job.ts';

const server = (name: string) => ({ name, user: 'u', database: `db_${name}` });

function file(o: object = {}): object {
  return {
    job: 'shop',
    kafka: { brokers: ['b:1'] },
    registry: { url: 'http://r' },
    sources: [{ ...server('s1'), serverId: 7, replica: { host: 'r', port: 1 } }],
    targets: [server('t1'), server('t2')],
    tables: [
      { name: 'orders', shardColumn: 'customer_id' },
      { name: 'notes', key: ['id'] },
    ],
    route: { kind: 'modulus', column: 'id' },
    options: { partitions: 7 },
    cutover: { back: {} },
    ...o,
  };
}

const parsed = (o: object = {}) => parseJob(JSON.stringify(file(o)), {});

describe('the return job', () => {
  test('is there only if the job file asks for it', () => {
    expect(returnJob(parsed({ cutover: {} }))).toBeNull();
  });

  test('has the servers the other way round, the same partitions and keys, and no way back', () => {
    const back = returnJob(parsed());
    if (back === null) throw new Error('no way back');
    expect(back.job).toBe('shop.back');
    expect(isReturnJob(back)).toBe(true);
    expect(isReturnJob(parsed())).toBe(false);
    expect(back.sources.map(s => [s.name, s.database])).toEqual([
      ['t1', 'db_t1'],
      ['t2', 'db_t2'],
    ]);
    expect(back.targets).toEqual([expect.objectContaining({ name: 's1', kind: 'mysql' })]);
    expect(back.targets[0]).not.toHaveProperty('replica');
    expect(back.tables).toEqual([
      { name: 'orders', route: { kind: 'target', target: 's1' } },
      { name: 'notes', route: { kind: 'target', target: 's1' }, key: ['id'] },
    ]);
    expect(back.options).toMatchObject({ partitions: 7, checkWhenInSync: false });
    expect(returnJob(back)).toBeNull();
  });

  test('of several sources it goes by the route that the job file says', () => {
    const sources = [server('s1'), server('s2')];
    const route = { kind: 'modulus', column: 'customer_id' };
    const notes = { kind: 'target', target: 's2' };
    const back = returnJob(parsed({ sources, cutover: { back: { route, routes: { notes } } } }));
    expect(back?.tables.map(t => t.route)).toEqual([route, notes]);
  });
});

const twoSources = { sources: [server('s1'), server('s2')] };
const pinned = (target: string) => ({ kind: 'target', target });

test.each([
  ['which of s1, s2 a row of orders goes back to', { ...twoSources }],
  ['names s9', { cutover: { back: { route: pinned('s9') } } }],
  ['nothing is no table', { cutover: { back: { routes: { nothing: pinned('s1') } } } }],
  ['a source and a target are called s1', { targets: [server('s1')] }],
  ['rows of orders are on every target', { route: { kind: 'all' }, tables: [{ name: 'orders' }] }],
  ['too long', { job: 'x'.repeat(60) }],
])('refused with its reason: %s', (what, o) => {
  expect(() => parsed(o)).toThrow(what);
  if ('cutover' in o) return;
  expect(() => parsed({ cutover: {}, ...o }), 'without a way back').not.toThrow();
});

describe('the streaming check', () => {
  const options = { streamingCheck: true };

  test('has the transactions of the job marked on the targets, where the way back reads them', () => {
    expect(returnJob(parsed({ options }))?.options).toMatchObject({
      originMarks: true,
      streamingCheck: false,
    });
    expect(returnJob(parsed())?.options.originMarks).toBe(false);
  });

  test('is refused without a way back, with what to add', () => {
    expect(() => parsed({ options, cutover: {} })).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('the targets are not captured'),
        remedy: expect.stringContaining('cutover: { back: {} }'),
      }),
    );
  });
});
