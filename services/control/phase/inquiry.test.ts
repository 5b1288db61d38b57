/** Control's loop never waits for a server that a request needs. */
import { expect, test } from 'vitest';
import { until } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { Inquiries } from './inquiry.ts';

const log = createLogger({ name: 'test', level: 'fatal' });
const SOON = { timeoutMs: 2000, everyMs: 1, what: 'the answer' };

test('a server that never answers keeps nobody waiting, and others get their answers', async () => {
  const asked = new Inquiries<number>(log);
  const never = (): Promise<number> => new Promise(() => {});
  expect(asked.ask('hangs', never)).toBeNull();
  expect(asked.ask('well', async () => 7)).toBeNull();
  await until(() => asked.ask('well', never) !== null, SOON);
  expect(asked.ask('well', never)).toEqual({ value: 7 });
  expect(asked.ask('hangs', async () => 1)).toBeNull();
  expect(asked.open().map(o => o.id)).toEqual(['hangs']);
});

test('one that is away is asked again, not at every turn, and the reason is told meanwhile', async () => {
  let nowMs = 0;
  const asked = new Inquiries<number>(log, () => nowMs);
  let calls = 0;
  const away = async (): Promise<number> => {
    calls += 1;
    if (calls < 3) throw new ReshardError('unreachable', 'source s1 is away');
    return 9;
  };
  asked.ask('recopy-1', away);
  await until(() => asked.open()[0]?.why !== null, SOON);
  expect(asked.open()[0]?.why).toMatch(/source s1 is away/);
  for (let turn = 0; turn < 100; turn++) expect(asked.ask('recopy-1', away)).toBeNull();
  expect(calls).toBe(1);
  await until(() => {
    nowMs += 5000;
    return asked.ask('recopy-1', away) !== null;
  }, SOON);
  expect(calls).toBe(3);
  expect(asked.ask('recopy-1', away)).toEqual({ value: 9 });
  expect(asked.open()).toEqual([]);
});

test('what will not pass is the answer', async () => {
  const asked = new Inquiries<number>(log);
  const wrong = async (): Promise<number> => {
    throw new ReshardError('schema-changed', 'orders is not as it was planned');
  };
  await until(() => asked.ask('recopy-1', wrong) !== null, SOON);
  expect(asked.ask('recopy-1', wrong)).toMatchObject({ error: { kind: 'schema-changed' } });
});
