import { describe, expect, test, vi } from 'vitest';
import { ReshardError } from '../runtime/error.ts';
import { createLogger } from '../runtime/log.ts';
import { persist } from './persist.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const away = new ReshardError('unreachable', 'away');

describe('patience', () => {
  test('lasts until the server answers, and reports each failure', async () => {
    let calls = 0;
    const reported: string[] = [];
    const answer = await persist(
      async () => {
        calls += 1;
        if (calls < 3) throw away;
        return 'here';
      },
      {
        what: 'it',
        log,
        signal: new AbortController().signal,
        onWait: e => {
          reported.push(e.message);
        },
      },
    );
    expect({ answer, reported }).toEqual({ answer: 'here', reported: ['away', 'away'] });
  });

  test.each(['config', 'server-setting', 'denied', 'bug'] as const)(
    'ends at once with an error that does not pass: %s',
    async kind => {
      const work = vi.fn(async () => {
        throw new ReshardError(kind, 'wrong');
      });
      const options = { what: 'it', log, signal: new AbortController().signal };
      await expect(persist(work, options)).rejects.toMatchObject({ kind });
      expect(work).toHaveBeenCalledTimes(1);
    },
  );

  test('ends with the signal', async () => {
    const stop = new AbortController();
    const work = async (): Promise<never> => {
      throw away;
    };
    const onWait = (): void => stop.abort();
    await expect(persist(work, { what: 'it', log, signal: stop.signal, onWait })).rejects.toBe(
      away,
    );
  });
});
