import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { RecordCodec } from '../codec/record-codec.ts';
import type { PlainRecord } from '../kafka/plain-writer.ts';
import { ReshardError } from '../runtime/error.ts';
import { createLogger } from '../runtime/log.ts';
import { isMemberKey, type Report, type ReportedUnit, Reporter } from './reporter.ts';

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
    new Reporter({ service: 'snapshot', member, topic: 't', codec, jobId: 'j#1', writer, log });
  return { topic, members: [made('a:1'), made('b:2')] };
}

describe('reports of two members', () => {
  test('at a shared unit stand side by side', async () => {
    const { topic, members } = twoMembers();
    for (const reporter of members) {
      reporter.unit('s1', { shared: true });
      await reporter.flush();
    }
    expect([...topic.keys()]).toEqual(['snapshot/s1@a:1', 'snapshot/s1@b:2']);
    expect([...topic.keys()].every(isMemberKey)).toBe(true);
  });

  test('what somebody waits for is sent at once', async () => {
    const { topic, members } = twoMembers();
    const stop = new AbortController();
    const unit = members[0].unit('s1');
    const running = members[0].run(stop.signal);
    await expect.poll(() => topic.get('snapshot/s1')).toBeDefined();
    unit.set({ detail: { compared: 'comparison-1' } });
    unit.urge();
    await expect
      .poll(() => topic.get('snapshot/s1')?.detail, { timeout: 500, interval: 5 })
      .toBe('{"compared":"comparison-1"}');
    stop.abort();
    await running;
  });

  test('at a unit that only one has, the owner replaces the one before', async () => {
    const { topic, members } = twoMembers();
    for (const reporter of members) {
      reporter.unit('s1');
      await reporter.flush();
    }
    expect([...topic].map(([key, r]) => `${key} ${r.member}`)).toEqual(['snapshot/s1 b:2']);
    expect([...topic.keys()].some(isMemberKey)).toBe(false);
  });

  test('each process reports that it is there, and that it has stopped', async () => {
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

test('a halt is told at once, and not with the next second', async () => {
  vi.useFakeTimers();
  try {
    const { topic, members } = twoMembers();
    const [reporter] = members;
    const stop = new AbortController();
    const unit = reporter.unit('s1');
    const running = reporter.run(stop.signal);
    await vi.advanceTimersByTimeAsync(1);
    unit.state({ state: 'running' });
    await vi.advanceTimersByTimeAsync(1);
    unit.state({ state: 'halted', error: new ReshardError('schema-changed', 'a new column') });
    await vi.advanceTimersByTimeAsync(1);
    expect(topic.get('snapshot/s1')?.state).toBe('halted');
    stop.abort();
    await vi.advanceTimersByTimeAsync(1000);
    await running;
  } finally {
    vi.useRealTimers();
  }
});

describe('incarnations of a unit', () => {
  const KEY = 'snapshot/s1';

  test.each(['end', 'forget'] as const)('the %s of an old one leaves the new one', async how => {
    const { topic, members } = twoMembers();
    const [reporter] = members;
    const old = reporter.unit('s1', { progress: () => ({ counters: { rows: 1 } }) });
    await reporter.flush();
    const before = topic.get(KEY)?.incarnation;
    reporter.unit('s1', { progress: () => ({ counters: { rows: 2 } }) });
    old.state({ state: 'stopped' });
    old[how]();
    old.set({ counters: { rows: 9 } });
    await reporter.flush();
    expect(topic.get(KEY)).toMatchObject({ state: 'running', counters: { rows: 2 } });
    expect(topic.get(KEY)?.incarnation).not.toBe(before);
  });

  test('one that has ended is reported once more, as stopped, and then no more', async () => {
    const { topic, members } = twoMembers();
    const [reporter] = members;
    const unit = reporter.unit('s1');
    await reporter.flush();
    unit.end();
    await reporter.flush();
    expect(topic.get(KEY)?.state).toBe('stopped');
    topic.clear();
    unit.set({ state: 'running' });
    await reporter.flush();
    expect(topic.size).toBe(0);
  });

  test('why it has halted is told for programs, whatever the facts are', async () => {
    const { topic, members } = twoMembers();
    const [reporter] = members;
    const unit = reporter.unit('s1');
    const context = { table: 'orders', thread: 9007199254740993n };
    const error = new ReshardError('schema-changed', 'x', { context });
    unit.state({ state: 'halted', error });
    await reporter.flush();
    const told = {
      kind: 'schema-changed',
      context: { table: 'orders', thread: '9007199254740993' },
    };
    expect(JSON.parse(topic.get(KEY)?.detail ?? '{}')).toMatchObject({ halt: told });
    unit.state({ state: 'running' });
    await reporter.flush();
    expect(JSON.parse(topic.get(KEY)?.detail ?? '{}')).toMatchObject({ halt: null });
  });

  test('what an ended one reports last begins anew in the next one', async () => {
    const { topic, members } = twoMembers();
    const [reporter] = members;
    reporter.unit('s1').set({ error: 'x', state: 'halted', counters: { rows: 7 } });
    await reporter.flush();
    reporter.unit('s1');
    await reporter.flush();
    expect(topic.get(KEY)).toMatchObject({ state: 'running', error: null, counters: {} });
  });

  const step = fc.record({
    call: fc.constantFrom('build', 'set', 'halt', 'end', 'forget', 'flush'),
    handle: fc.nat(9),
  });

  /** Hypothesis: the record is that of the last build, as long as that has not ended. */
  test('in any order of calls, the newest one that lives is the one reported', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
        const { topic, members } = twoMembers();
        const [reporter] = members;
        const handles: ReportedUnit[] = [];
        let living: { index: number; value: number } | null = null;
        for (const [value, { call, handle }] of steps.entries()) {
          const index = handle % Math.max(1, handles.length);
          const unit = handles[index];
          const isNewest = living?.index === index;
          if (call === 'build') {
            handles.push(reporter.unit('s1'));
            living = { index: handles.length - 1, value: -1 };
          } else if (call === 'flush') await reporter.flush();
          else if (call === 'set') {
            unit?.set({ counters: { value } });
            if (isNewest && living !== null) living.value = value;
          } else if (call === 'halt') unit?.set({ detail: { seen: true } });
          else {
            unit?.[call]();
            if (isNewest) living = null;
          }
        }
        topic.clear();
        await reporter.flush();
        topic.delete('snapshot/member@a:1');
        if (living === null) {
          expect([...topic.values()].every(r => r.state === 'stopped')).toBe(true);
        } else {
          expect(topic.get(KEY)?.state).toBe('running');
          expect(topic.get(KEY)?.counters.value ?? -1).toBe(living.value);
        }
      }),
    );
  });
});
