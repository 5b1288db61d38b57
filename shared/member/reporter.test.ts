import { describe, expect, test } from 'vitest';
import type { RecordCodec } from '../codec/record-codec.ts';
import type { PlainRecord } from '../kafka/plain-writer.ts';
import { createLogger } from '../runtime/log.ts';
import { isMemberKey, type Report, Reporter } from './reporter.ts';

const codec: RecordCodec<Report> = {
  encode: r => Buffer.from(JSON.stringify(r)),
  decode: v => JSON.parse(v.toString()),
};

/** Two members of a service whose records go to one compacted topic. */
function twoMembers(): { topic: Map<string, Report>; members: [Reporter, Reporter] } {
  const topic = new Map<string, Report>();
  const writer = {
    send: async (_: string, __: number, records: readonly PlainRecord[]) => {
      for (const { key, value } of records) {
        topic.set(String(key), codec.decode(value ?? Buffer.alloc(0)));
      }
      return { baseOffset: 0 };
    },
  };
  const log = createLogger({ name: 'test', level: 'silent' });
  const made = (member: string): Reporter =>
    new Reporter({ service: 'snapshot', member, topic: 't', codec, writer, log });
  return { topic, members: [made('a:1'), made('b:2')] };
}

describe('reports of two members', () => {
  test('at a shared unit stand side by side', async () => {
    const { topic, members } = twoMembers();
    for (const reporter of members) {
      reporter.share('s1');
      reporter.set('s1', { state: 'running' });
      await reporter.flush();
    }
    expect([...topic.keys()]).toEqual(['snapshot/s1@a:1', 'snapshot/s1@b:2']);
    expect([...topic.keys()].every(isMemberKey)).toBe(true);
  });

  test('at a unit that only one has, the owner replaces the one before', async () => {
    const { topic, members } = twoMembers();
    for (const reporter of members) {
      reporter.set('s1', { state: 'running' });
      await reporter.flush();
    }
    expect([...topic].map(([key, r]) => `${key} ${r.member}`)).toEqual(['snapshot/s1 b:2']);
    expect([...topic.keys()].some(isMemberKey)).toBe(false);
  });

  test('each process tells that it is there, and that it has stopped', async () => {
    const { topic, members } = twoMembers();
    const stop = new AbortController();
    const running = members[0].run(stop.signal);
    await members[0].flush();
    expect(topic.get('snapshot/member@a:1')?.state).toBe('running');
    stop.abort();
    await running;
    expect(topic.get('snapshot/member@a:1')?.state).toBe('stopped');
  });
});
