/** A membership that begins before its owner can work, in each order of events. */
import { describe, expect, test } from 'vitest';
import type { KafkaLog } from '../kafka/kafka.ts';
import type { Member, MemberOptions } from '../kafka/member.ts';
import { EarlyLease } from './early-lease.ts';

const GROUP = { groupId: 'g', slots: 4 };

/** A Kafka whose group is moved by the test. */
function fakeKafka() {
  const joined: MemberOptions[] = [];
  let closed = 0;
  const member = { close: async () => closed++ } as unknown as Member;
  const kafka: Pick<KafkaLog, 'member'> = {
    member: async o => {
      joined.push(o);
      return member;
    },
  };
  return { kafka, joined, closed: () => closed };
}

function owner(): { said: string[]; handlers: MemberOptions } {
  const said: string[] = [];
  const handlers: MemberOptions = {
    ...GROUP,
    onAssigned: async slots => {
      await Promise.resolve();
      said.push(`+${slots}`);
    },
    onRevoked: async slots => {
      said.push(`-${slots}`);
    },
    onLost: () => said.push('lost'),
  };
  return { said, handlers };
}

describe('early lease', () => {
  test('what was assigned before is handed over, less what was taken back', async () => {
    const { kafka, joined } = fakeKafka();
    const lease = new EarlyLease(kafka);
    lease.begin(GROUP);
    lease.begin(GROUP);
    await joined[0]?.onAssigned([0, 1, 2]);
    await joined[0]?.onRevoked([1]);
    const { said, handlers } = owner();
    await lease.join(handlers);
    expect(said).toEqual(['+0,2']);
    expect(joined).toHaveLength(1);
  });

  test('slots that were lost before are not handed over', async () => {
    const { kafka, joined } = fakeKafka();
    const lease = new EarlyLease(kafka);
    lease.begin(GROUP);
    await joined[0]?.onAssigned([0, 1]);
    joined[0]?.onLost();
    const { said, handlers } = owner();
    await lease.join(handlers);
    expect(said).toEqual([]);
    await joined[0]?.onAssigned([3]);
    joined[0]?.onLost();
    expect(said).toEqual(['+3', 'lost']);
  });

  test('a slot is given up only after it was taken over', async () => {
    const { kafka, joined } = fakeKafka();
    const lease = new EarlyLease(kafka);
    lease.begin(GROUP);
    await joined[0]?.onAssigned([0, 1]);
    const { said, handlers } = owner();
    await Promise.all([lease.join(handlers), joined[0]?.onRevoked([1])]);
    expect(said).toEqual(['+0,1', '-1']);
  });

  test('who gives up leaves the group, and joins anew when it can work', async () => {
    const { kafka, joined, closed } = fakeKafka();
    const lease = new EarlyLease(kafka);
    lease.begin(GROUP);
    await joined[0]?.onAssigned([0]);
    await lease.giveUp();
    expect(closed()).toBe(1);
    const { said, handlers } = owner();
    await lease.join(handlers);
    expect(joined).toHaveLength(2);
    expect(said).toEqual([]);
    await lease.giveUp();
    expect(closed()).toBe(1);
  });
});
