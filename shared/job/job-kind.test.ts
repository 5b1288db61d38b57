/** Kinds of jobs: what each needs of a job file, and what it refuses by name. */
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { exampleOf } from '../../services/control/cli/init-example.ts';
import { ReshardError } from '../runtime/error.ts';
import { type Job, routeSpec } from './job.ts';
import { JOB_KINDS, type JobKind } from './job-kind.ts';
import { parseJob } from './job-schema.ts';

const ENV = { SOURCE_PASSWORD: 's', TARGET_PASSWORD: 't' };

type File = Record<string, unknown> & Record<'sources' | 'targets' | 'tables', { name: string }[]>;

function jobOf(kind: JobKind, change: (file: File) => void = () => undefined): Job {
  const file = parse(exampleOf(kind));
  change(file);
  return parseJob(stringify(file), ENV);
}

function refused(kind: JobKind, change: (file: File) => void): string {
  try {
    jobOf(kind, change);
  } catch (e) {
    if (e instanceof ReshardError && e.kind === 'config') return `${e.message} | ${e.remedy ?? ''}`;
    throw e;
  }
  throw new Error('was accepted');
}

const T1 = { kind: 'target', target: 't1' };

describe('kinds of jobs', () => {
  test.each(JOB_KINDS)('the example of a %s is valid as it is written', kind => {
    expect(jobOf(kind).kind).toBe(kind);
  });

  test('a job file of before says no kind, and is a reshard', () => {
    const job = jobOf('reshard', f => {
      delete f.kind;
    });
    expect(job).toMatchObject({ kind: 'reshard', route: { kind: 'modulus' } });
  });

  test('what leaves no choice needs no route', () => {
    expect(routeSpec(jobOf('copy'), 'orders')).toEqual(T1);
    expect(routeSpec(jobOf('merge'), 'orders')).toEqual(T1);
    const split = jobOf('split');
    expect(split.tables.map(t => routeSpec(split, t.name))).toEqual([
      { kind: 'target', target: 'sales' },
      { kind: 'target', target: 'stock' },
      { kind: 'all' },
    ]);
  });

  test.each<[string, JobKind, (f: File) => void, RegExp]>([
    ['an unknown kind', 'copy', f => Object.assign(f, { kind: 'move' }), /kind: .*"merge"/],
    [
      'a reshard without a route',
      'reshard',
      f => delete f.route,
      /no `route`.*init --kind reshard/,
    ],
    [
      'a merge of one source',
      'merge',
      f => f.sources.pop(),
      /kind merge: .* not 1 to 1.*`kind: reshard`/,
    ],
    [
      'a merge to several targets without a route',
      'merge',
      f => {
        f.sources.push({ ...f.sources[0], name: 's3' });
        f.targets.push({ ...f.targets[0], name: 't2' });
      },
      /no `route`/,
    ],
    [
      'a split with a route of its own',
      'split',
      f => Object.assign(f, { route: { kind: 'hash', columns: 'id' } }),
      /kind split: .*each table names the server/,
    ],
    [
      'a split that spreads a table',
      'split',
      f => Object.assign(f.tables[0] ?? {}, { route: { kind: 'hash', columns: 'id' } }),
      /kind split: the table orders goes to no target as a whole.*target: sales/,
    ],
    [
      'a split with a target for nothing',
      'split',
      f => f.tables.splice(1, 1),
      /kind split: no table goes to the target stock alone/,
    ],
    [
      'a split to a target that there is not',
      'split',
      f => f.tables.push(Object.assign({ name: 'x' }, { route: { kind: 'target', target: 'no' } })),
      /there is no target no/,
    ],
    [
      'an old route where nothing grows',
      'reshard',
      f => Object.assign(f, { oldRoute: { kind: 'jump', columns: 'id' } }),
      /kind reshard: `oldRoute` is for clusters that grow.*`kind: expand`/,
    ],
    [
      'a cluster whose new server is an old one',
      'expand',
      f => Object.assign(f.targets[0] ?? {}, { name: 'c1' }),
      /kind expand: c1 is a source and a target/,
    ],
    [
      'a cluster without the route that it had',
      'expand',
      f => delete f.oldRoute,
      /kind expand: the table customers has no `oldRoute`/,
    ],
    [
      'a table on all servers of which nobody says where it comes from',
      'expand',
      f => Object.assign(f.tables[0] ?? {}, { route: { kind: 'all' } }),
      /kind expand: nothing says from which server the table customers comes.*from: c1/,
    ],
    [
      'a cluster of which only tables on all servers are named',
      'expand',
      f => Object.assign(f, { route: { kind: 'all', from: 'c1' }, oldRoute: undefined }),
      /kind expand: no table of it has rows that move/,
    ],
    [
      'a route that moves rows between servers that stay',
      'expand',
      f => Object.assign(f, { route: { kind: 'hash', columns: 'customer_id' } }),
      /slot 1365 would move from c1 to c2.*moves: \{ "1366-2047": c3, "3413-4095": c3 \}/,
    ],
    [
      'a server that neither route has',
      'expand',
      f => Object.assign(f, { oldRoute: { kind: 'hash', columns: 'x', weights: { c9: 1 } } }),
      /there is no target c9/,
    ],
    [
      'a cluster with compacted topics',
      'expand',
      f => Object.assign(f, { options: { compact: true } }),
      /kind expand: its topics cannot be compacted/,
    ],
    [
      'a copy to two',
      'copy',
      f => f.targets.push({ ...f.targets[0], name: 't2' }),
      /kind copy: .*one source and one target, not 1 and 2.*`kind: reshard`/,
    ],
    [
      'a copy that is routed',
      'copy',
      f => Object.assign(f, { route: { kind: 'modulus', column: 'id' } }),
      /kind copy: all rows go to t1, but the job is routed/,
    ],
    [
      'a copy with a table by a column of its own',
      'copy',
      f => Object.assign(f.tables[1] ?? {}, { shardColumn: 'id' }),
      /kind copy: .*but orders is routed/,
    ],
  ])('%s is refused, with what to do', (_, kind, change, text) => {
    expect(refused(kind, change)).toMatch(text);
  });
});
