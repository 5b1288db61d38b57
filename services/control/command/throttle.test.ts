/** What an operator may write about limits, and the request until control has carried it out. */
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import type { RequestWriter } from '../../../shared/job/state/record-writer.ts';
import type { RetuneRequest } from '../../../shared/job/state/throttle.ts';
import { exampleOf } from '../cli/init-example.ts';
import { limitChange, refuseUnmeasured, retune } from './throttle.ts';

describe('limits as they are written', () => {
  test('are read by name', () => {
    expect(limitChange('rows=5000, max-lag=100000', undefined)).toEqual({
      set: { rows: 5000, 'max-lag': 100_000 },
      clear: [],
    });
    expect(limitChange('window=22:00-06:30', undefined)).toEqual({
      set: { window: 22_000_630 },
      clear: [],
    });
    expect(limitChange('rows=1', 'max-lag')).toEqual({ set: { rows: 1 }, clear: ['max-lag'] });
    expect(limitChange(undefined, undefined)).toBeNull();
  });

  test.each<[string | undefined, string | undefined, RegExp]>([
    ['window=22-6', undefined, /window=22-6: not two times of a day, HH:MM-HH:MM/],
    ['window=06:00-06:00', undefined, /not two times of a day/],
    ['window=600', undefined, /not two times of a day/],
    ['rows=0', undefined, /rows=0: not a whole number above 0/],
    ['rows=-1', undefined, /not a whole number/],
    ['rows=1.5', undefined, /not a whole number/],
    ['rows=1e3', undefined, /not a whole number/],
    ['rows', undefined, /not a whole number/],
    ['rows=1=2', undefined, /not a whole number/],
    ['rows=99999999999999999999', undefined, /not a whole number/],
    ['', undefined, /"" is not a limit/],
    ['cpu=1', undefined, /"cpu" is not a limit/],
    ['rows=1,rows=2', undefined, /names rows twice/],
    [undefined, 'lag', /--clear: "lag" is not a limit/],
    ['rows=1', 'rows', /set and cleared at once/],
  ])('--set %s --clear %s is refused', (set, clear, says) => {
    expect(() => limitChange(set, clear)).toThrow(says);
  });
});

test('a limit of replica lag is refused in a job without a replica', () => {
  const file = parse(exampleOf('reshard'));
  const env = { SOURCE_PASSWORD: '', TARGET_PASSWORD: '' };
  const job = (parts: object) => parseJob(stringify({ ...file, ...parts }), env);
  const change = { set: { 'max-replica-lag': 10 }, clear: [] };
  expect(() => refuseUnmeasured(job({}), change)).toThrow(/names no replica/);
  refuseUnmeasured(job({ replicas: [{ name: 'r1', user: 'u' }] }), change);
  refuseUnmeasured(job({}), { set: { rows: 5 }, clear: ['max-replica-lag'] });
});

describe('a request', () => {
  const change = { set: { rows: 5 }, clear: [] };

  test('is done when control has removed it, be it before the sending returns', async () => {
    const view = new JobView();
    const sent: RetuneRequest[] = [];
    const requests = {
      retune: async (request: RetuneRequest) => {
        sent.push(request);
        view.apply(stateKey.retune(request.id), null);
      },
    };
    const link = { view, requests: requests as RequestWriter };
    expect(await retune(link, change, () => false, 'ann')).toBe(true);
    expect(sent).toMatchObject([{ by: 'ann', set: { rows: 5 }, clear: [] }]);
  });

  test('is not taken for done while no control has answered', async () => {
    const requests = { retune: async () => {} };
    const link = { view: new JobView(), requests: requests as unknown as RequestWriter };
    expect(await retune(link, change, () => true)).toBe(false);
  });
});
