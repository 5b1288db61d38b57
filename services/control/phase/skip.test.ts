/** The word that a statement has changed no row: what is looked at before it counts. */
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import { skippedBy } from '../../../shared/job/state/ddl-request.ts';
import { JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import type { lookAtTable } from './growth.ts';
import { carryOutSkip, openSkip, type SkipDeps, type StatementHalt } from './skip.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };

function control(halt: StatementHalt | null) {
  const view = new JobView();
  const done: string[] = [];
  const deps = {
    view,
    job: { sources: [{ name: 's1' }], tables: [{ name: 't' }, { name: 'u' }] } as unknown as Job,
    log: createLogger({ name: 'test', level: 'silent' }),
    writer: {
      put: async (key: string, record: Partial<StateRecord>) => {
        done.push(key);
        view.apply(key, { ...NONE, ...record });
      },
    },
    proofs: { doubt: async (tables: readonly string[]) => void done.push(`doubt ${tables}`) },
    grown: { haltOf: () => halt },
  };
  const ask = (requestedMs = Date.now()): void => {
    const skip = { id: 'skip-1', requestedMs, by: 'ann', source: 's1', gtid: 'u:7' };
    view.apply(stateKey.skip('skip-1'), { ...NONE, skip });
  };
  const step = async (look: (table: string) => unknown = () => null): Promise<void> => {
    const request = openSkip(view);
    if (request === undefined) throw new Error('nothing is open');
    const looked = async (_: unknown, __: unknown, table: string) => look(table);
    await carryOutSkip(deps as unknown as SkipDeps, request, looked as typeof lookAtTable);
  };
  return { view, done, ask, step };
}

const at: StatementHalt = { source: 's1', gtid: 'u:7', table: 't' };

test('its table is doubted first, then the word counts, and units are built anew', async () => {
  const { view, done, ask, step } = control(at);
  ask();
  const before = view.basisOf('s1');
  expect(skippedBy(view, 's1', 'u:7')).toBeNull();
  await step();
  expect(done).toEqual(['doubt t', 'applied/skip-1']);
  expect([skippedBy(view, 's1', 'u:7'), skippedBy(view, 's1', 'u:8')]).toEqual(['ann', null]);
  expect(skippedBy(view, 's2', 'u:7')).toBeNull();
  expect(view.basisOf('s1')).not.toBe(before);
  expect(openSkip(view)).toBeUndefined();
});

test('of which table it is cannot be told: all are looked at, and doubted', async () => {
  const { done, ask, step } = control({ ...at, table: null });
  const looked: string[] = [];
  ask();
  await step(table => {
    looked.push(table);
    return null;
  });
  expect([looked, done[0]]).toEqual([['t', 'u'], 'doubt t,u']);
});

test.each<[string, StatementHalt, (table: string) => unknown, RegExp]>([
  ['another statement', { ...at, gtid: 'u:9' }, () => null, /does not stand at u:7/],
  ['a table that is another one', at, () => ({ added: [] }), /t is not as it was planned/],
  [
    'a server that is away',
    at,
    () => {
      throw new ReshardError('unreachable', 'it is away');
    },
    /it is away/,
  ],
])('is refused: %s', async (_, halt, look, words) => {
  const { view, done, ask, step } = control(halt);
  ask();
  await step(look);
  expect(done).toEqual(['applied/skip-1']);
  expect(view.applied.get('skip-1')?.error).toMatch(words);
  expect(skippedBy(view, 's1', 'u:7')).toBeNull();
});

test('a control that has not heard of the source waits, for a while', async () => {
  const { view, done, ask, step } = control(null);
  ask();
  await step();
  expect(done).toEqual([]);
  ask(1000);
  await step();
  expect(view.applied.get('skip-1')?.error).toMatch(/does not stand at u:7/);
});
