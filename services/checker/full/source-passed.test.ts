/** A wait for a source ends: covered, read past the binlog's end, or failed; never on a guess. */
import { describe, expect, test } from 'vitest';
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { JobSource } from '../../../shared/job/job.ts';
import type { Resume } from '../../../shared/job/state/progress-view.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { PipelineWaits } from './pipeline-wait.ts';
import { type BinlogEnd, hasReached, sourcePassed } from './source-passed.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const PURGED = '11111111-2222-3333-4444-555555555555';
const END: BinlogEnd = { serverIds: ['me'], file: 'binlog.000012', pos: 400 };

function resume(over: Partial<Resume> = {}): Resume {
  const counts = { epoch: 1, ordinal: 1, partialRows: 0, chunksOffset: 0, tsMs: 0 };
  const place = { file: 'binlog.000012', pos: 400, serverUuid: 'me' };
  return { ...counts, gtid: `${UUID}:1-9`, partialGtid: null, ...place, ...over };
}

const source: JobSource = {
  name: 's1',
  host: 'h',
  port: 1,
  user: 'u',
  password: '',
  database: 'shop',
};

/** Waits for `seen`; `after` is what the view holds once the end has been asked for. */
function passed(before: Resume | null, after: Resume | null, limitMs = 400) {
  const view = { resume: before };
  const waits = new PipelineWaits(limitMs + 1500);
  const wait = waits.begin('source', new AbortController().signal);
  const log = createLogger({ name: 'test', level: 'fatal' });
  const seen = GtidSet.parse(`${UUID}:1-9,${PURGED}:1-7`, 'mysql');
  const askEnd = async (): Promise<BinlogEnd> => {
    setTimeout(() => {
      view.resume = after;
    }, 50);
    return END;
  };
  return { waits, done: sourcePassed({ source, view, seen, wait, log, askEnd }) };
}

describe('a wait for a source', { timeout: 10_000 }, () => {
  test('ends at once when the resume point covers what was seen', async () => {
    await passed(resume({ gtid: `${UUID}:1-20,${PURGED}:1-7` }), null).done;
  });

  test('ends when a later resume point has passed the end of the binlog', async () => {
    await passed(resume({ pos: 100 }), resume({ pos: 400 })).done;
  });

  test.each([
    ['that is not written anew', null],
    ['short of the end', resume({ pos: 399 })],
    ['of another server', resume({ serverUuid: 'other', pos: 900 })],
  ])('fails for a resume point %s, and says what it has waited for', async (_, after) => {
    const before = resume({ pos: after === null ? 400 : 100 });
    const { waits, done } = passed(before, after ?? before);
    await expect(done).rejects.toMatchObject({
      kind: 'source',
      message: expect.stringContaining('the log of source s1 to reach binlog.000012:400'),
    });
    expect(waits.list(Date.now() + 5000)[0]?.what).toContain('it is at binlog.000012:');
  });

  test('knows files by their number, and other names not at all', () => {
    expect(hasReached(resume({ file: 'binlog.000013', pos: 4 }), END)).toBe(true);
    expect(hasReached(resume({ file: 'binlog.1000000', pos: 4 }), END)).toBe(true);
    expect(hasReached(resume({ file: 'binlog.000011', pos: 900 }), END)).toBe(false);
    expect(hasReached(resume({ file: 'other.000013', pos: 900 }), END)).toBe(false);
    expect(hasReached(resume({ file: '', pos: 900 }), END)).toBe(false);
    expect(hasReached(null, END)).toBe(false);
  });
});
