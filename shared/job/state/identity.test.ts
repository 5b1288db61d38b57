/**
 * What makes a job file another job's, and that an id is never that of an earlier job.
 * Enforces I12.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Job } from '../job.ts';
import { parseJob } from '../job-schema.ts';
import {
  foreignJob,
  identityChanges,
  identityHash,
  type JobIdentity,
  jobNameOf,
  makeIdentity,
  newJobId,
  refuseChangedFile,
  refuseSwapped,
} from './identity.ts';

const server = (name: string, over: object = {}) => ({ name, user: 'u', database: 'd', ...over });

type Over = { [part: string]: unknown };

function jobOf(over: Over = {}): Job {
  const file = {
    job: 'shop',
    kafka: { brokers: ['b:1'] },
    registry: { url: 'http://r' },
    sources: [server('s1'), server('s2')],
    targets: [server('t1'), server('t2')],
    tables: [{ name: 'orders' }, { name: 'items', shardColumn: 'order_id' }],
    route: { kind: 'modulus', column: 'customer_id' },
    ...over,
  };
  return parseJob(JSON.stringify(file), {});
}

function identityOf(job: Job): JobIdentity {
  return makeIdentity(job, { source: name => `uuid-${name}`, target: name => `uuid-${name}` });
}

const MADE = identityOf(jobOf());

describe('the id of a job', () => {
  test('holds its name and is never the same twice', () => {
    const ids = Array.from({ length: 1000 }, () => newJobId('shop'));
    expect(new Set(ids).size).toBe(1000);
    expect(new Set(ids.map(jobNameOf))).toEqual(new Set(['shop']));
  });
});

describe('a job file', () => {
  test('is that of the job whatever is tuned, and wherever a server is reached now', () => {
    const sources = [server('s1', { host: 'other', port: 3307 }), server('s2', { user: 'x' })];
    const options = { sinkConnections: 9, retentionHours: 1, snapshotWorkers: 7 };
    expect(identityChanges(jobOf({ sources, options }), MADE)).toEqual([]);
  });

  const refused: [string, Over, RegExp][] = [
    ['a source added', { sources: ['s1', 's2', 's3'].map(n => server(n)) }, /s3 is not one of/],
    ['a source removed', { sources: [server('s1')] }, /source s2 of the job is not in the job f/],
    ['sources in another order', { sources: [server('s2'), server('s1')] }, /in the order s2, s1/],
    ['targets in another order', { targets: [server('t2'), server('t1')] }, /in the order t2, t1/],
    ['a target removed', { targets: [server('t1')] }, /target t2 of the job is not in the job f/],
    [
      'another database of a target',
      { targets: [server('t1', { database: 'e' }), server('t2')] },
      /target t1 has the database e, not d/,
    ],
    [
      'another key of a table',
      {
        tables: [
          { name: 'orders', key: ['no'] },
          { name: 'items', shardColumn: 'order_id' },
        ],
      },
      /key of the table orders is \(no\), not the one that the table has/,
    ],
    ['fewer partitions', { options: { partitions: 2 } }, /partitions is 2, the topics have 4/],
    ['compaction turned on', { options: { compact: true } }, /compact is true/],
    ['a table removed', { tables: [{ name: 'orders' }] }, /table items of the job is not in/],
    [
      'another shard column of a table',
      {
        tables: [
          { name: 'orders', shardColumn: 'id' },
          { name: 'items', shardColumn: 'order_id' },
        ],
      },
      /table orders is routed by id, not customer_id/,
    ],
    [
      'another column of the route',
      { route: { kind: 'modulus', column: 'region' } },
      /table orders is routed by region, not customer_id/,
    ],
  ];

  test.each(refused)('with %s is refused by name', (_, over, what) => {
    const changes = identityChanges(jobOf(over), MADE);
    expect(changes.map(c => c.what).join('; ')).toMatch(what);
    expect(changes.every(c => c.kind === 'refused')).toBe(true);
    expect(() => refuseChangedFile(jobOf(over), MADE)).toThrow(what);
  });

  test('with a table more is the job without it, and says the verb that takes it up', () => {
    const tables = [...jobOf().tables, { name: 'notes' }];
    const changes = identityChanges(jobOf({ tables }), MADE);
    expect(changes).toMatchObject([{ kind: 'table-added', what: 'the table notes is new' }]);
    expect(changes[0]?.way).toContain('reshard apply');
    expect(refuseChangedFile(jobOf({ tables }), MADE)).toEqual(changes);
  });
});

describe('the server behind a name', () => {
  test('may be one that the job does not know, but not another one of the job', () => {
    expect(() => refuseSwapped('target', 't1', 'uuid-t1', MADE)).not.toThrow();
    expect(() => refuseSwapped('target', 't1', 'uuid-new', MADE)).not.toThrow();
    expect(() => refuseSwapped('target', 't1', 'uuid-t2', MADE)).toThrow(/t1 is the server of t2/);
    expect(() => refuseSwapped('source', 's2', 'uuid-s1', MADE)).toThrow(/s2 is the server of s1/);
  });

  test('may hold several databases of the job', () => {
    const targets = [server('t1', { database: 'a' }), server('t2', { database: 'b' })];
    const one = makeIdentity(jobOf({ targets }), { source: n => n, target: () => 'one' });
    expect(() => refuseSwapped('target', 't1', 'one', one)).not.toThrow();
  });
});

test('the hash changes with every part that must not change', () => {
  const part = fc.constantFrom<Over>(
    { sources: [server('s1')] },
    { targets: [server('t1')] },
    { tables: [{ name: 'orders' }] },
    { options: { partitions: 7 } },
    { options: { compact: true } },
    { route: { kind: 'modulus', column: 'x' } },
  );
  fc.assert(
    fc.property(part, over => identityHash(identityOf(jobOf(over))) !== MADE.hash),
    { numRuns: 30 },
  );
  expect(identityOf(jobOf()).hash).toBe(MADE.hash);
  expect(identityOf(jobOf()).id).not.toBe(MADE.id);
});

test('the error about a foreign record names both jobs, and a way out', () => {
  const error = foreignJob({ what: 'the topic s1.progress', ours: 'b#2', theirs: 'a#1' });
  expect(error.kind).toBe('foreign-job');
  expect(error.message).toContain('the job a (a#1), not to b#2');
  expect(error.remedy).toContain('reshard drop');
  expect(foreignJob({ what: 'x', ours: 'b#2', theirs: '' }).message).toContain(
    'before jobs had ids',
  );
});
