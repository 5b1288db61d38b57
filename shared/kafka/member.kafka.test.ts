import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { servers } from '../../test/support/dev.ts';
import { until } from '../runtime/clock.ts';
import { createLogger } from '../runtime/log.ts';
import { Member } from './member.ts';
import { Cluster } from './wire/cluster.ts';
import { ClusterMemberPort, type MemberPort } from './wire/member-port.ts';

const log = createLogger({ name: 'member-test', level: 'error' });
const settings = { brokers: servers().brokers, clientId: 'reshard-member-test', log };
const WAIT = { timeoutMs: 20_000, everyMs: 20 };
const open: Actor[] = [];

afterAll(async () => {
  await Promise.all(open.map(a => a.leave()));
});

/** Slots as their owner sees them, and who holds what at any time. */
class Actor {
  readonly held = new Set<number>();
  readonly events: string[] = [];
  lost = 0;
  frozen = false;
  readonly #cluster = new Cluster(settings);
  readonly #member: Member;

  constructor(group: string, slots: number, revokeMs = 0) {
    const port = this.#freezable(new ClusterMemberPort(this.#cluster, 'member'));
    this.#member = new Member(
      port,
      {
        groupId: group,
        slots,
        onAssigned: async list => {
          for (const slot of list) this.held.add(slot);
          this.events.push(`+${list}`);
        },
        onRevoked: async list => {
          await new Promise(resolve => setTimeout(resolve, revokeMs));
          for (const slot of list) this.held.delete(slot);
          this.events.push(`-${list}`);
        },
        onLost: () => {
          this.lost++;
          this.held.clear();
        },
      },
      log,
    );
    open.push(this);
  }

  /** A frozen member is one that the network, or a pause of its process, has cut off. */
  #freezable(port: MemberPort): MemberPort {
    const gate = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return async (...args: A): Promise<R> => {
        while (this.frozen) await new Promise(resolve => setTimeout(resolve, 20));
        return call(...args);
      };
    };
    return {
      coordinator: gate(id => port.coordinator(id)),
      join: gate((node, o) => port.join(node, o)),
      sync: gate((node, m, a) => port.sync(node, m, a)),
      heartbeat: gate((node, m) => port.heartbeat(node, m)),
      leave: gate((node, m) => port.leave(node, m)),
      reset: () => port.reset(),
    };
  }

  async leave(): Promise<void> {
    this.frozen = false;
    await this.#member.close();
    this.#cluster.close();
  }
}

function group(): string {
  return `topicroom.${randomUUID()}`;
}

function shared(slots: number, ...actors: Actor[]): boolean {
  const all = actors.flatMap(a => [...a.held]);
  const even = actors.every(a => a.held.size >= Math.floor(slots / actors.length));
  return even && all.length === slots && new Set(all).size === slots;
}

test('two members that start together share the slots within seconds', async () => {
  const g = group();
  const [a, b] = [new Actor(g, 4), new Actor(g, 4)];
  await until(() => shared(4, a, b), { timeoutMs: 8_000, what: 'an even share' });
});

test('a third member gets its share; what does not move is not disturbed', async () => {
  const g = group();
  const [a, b] = [new Actor(g, 6, 100), new Actor(g, 6, 100)];
  await until(() => shared(6, a, b), { ...WAIT, what: 'an even share of two' });
  const kept = [new Set(a.held), new Set(b.held)];
  a.events.length = 0;
  b.events.length = 0;
  const c = new Actor(g, 6, 100);
  const twice = setInterval(() => {
    const all = [a, b, c].flatMap(x => [...x.held]);
    if (new Set(all).size !== all.length) c.events.push('held twice');
  }, 5);
  await until(() => shared(6, a, b, c), { ...WAIT, what: 'an even share of three' });
  clearInterval(twice);
  expect(c.events).not.toContain('held twice');
  expect(a.events.concat(b.events).filter(e => e.startsWith('+'))).toEqual([]);
  expect([...a.held].every(slot => kept[0]?.has(slot))).toBe(true);
  expect([...b.held].every(slot => kept[1]?.has(slot))).toBe(true);
});

test('a member that leaves hands its slots over at once', async () => {
  const g = group();
  const [a, b] = [new Actor(g, 4), new Actor(g, 4)];
  await until(() => shared(4, a, b), { ...WAIT, what: 'an even share' });
  const from = performance.now();
  await a.leave();
  await until(() => b.held.size === 4, { ...WAIT, what: 'all slots' });
  expect(performance.now() - from).toBeLessThan(3_000);
  expect(a.held.size).toBe(0);
});

test('the slots of a member that is cut off move, and it knows by its own clock', {
  timeout: 40_000,
}, async () => {
  const g = group();
  const [a, b] = [new Actor(g, 4), new Actor(g, 4)];
  await until(() => shared(4, a, b), { ...WAIT, what: 'an even share' });
  a.frozen = true;
  const from = performance.now();
  await until(() => a.lost === 1, { timeoutMs: 10_000, what: 'the loss by its own clock' });
  const lostMs = performance.now() - from;
  await until(() => b.held.size === 4, { timeoutMs: 10_000, what: 'the slots to move' });
  const movedMs = performance.now() - from;
  expect(movedMs).toBeLessThan(10_000);
  // It stopped before anybody else began.
  expect(lostMs).toBeLessThan(movedMs);
  a.frozen = false;
  await until(() => shared(4, a, b), { ...WAIT, what: 'its share after it came back' });
  expect(a.lost).toBe(1);
});

/** A member in a process of its own, which can be stopped and killed. */
function memberProcess(groupId: string, slots: number): { child: ChildProcess; said: string[] } {
  const program = `
    import { KafkaLog } from ${JSON.stringify(new URL('kafka.ts', import.meta.url).href)};
    import { createLogger } from ${JSON.stringify(new URL('../runtime/log.ts', import.meta.url).href)};
    const log = createLogger({ name: 'child', level: 'fatal' });
    const kafka = new KafkaLog({ brokers: ${JSON.stringify(settings.brokers)}, clientId: 'child', log });
    await kafka.member({
      groupId: ${JSON.stringify(groupId)},
      slots: ${slots},
      onAssigned: async s => console.log('assigned ' + s),
      onRevoked: async s => console.log('revoked ' + s),
      onLost: () => console.log('lost'),
    });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  const said: string[] = [];
  child.stdout.on('data', text => said.push(...String(text).trim().split('\n')));
  child.stderr.on('data', text => said.push(`stderr ${text}`));
  return { child, said };
}

test('a stopped process loses its slots, learns it when it wakes; a killed one too', {
  timeout: 60_000,
}, async () => {
  const g = group();
  const a = new Actor(g, 4);
  const { child, said } = memberProcess(g, 4);
  try {
    await until(() => said.some(line => line.startsWith('assigned')), {
      ...WAIT,
      what: 'its share',
    });
    await until(() => a.held.size === 2, { ...WAIT, what: 'our share' });
    child.kill('SIGSTOP');
    let from = performance.now();
    await until(() => a.held.size === 4, { ...WAIT, what: 'the slots of the stopped one' });
    expect(performance.now() - from).toBeLessThan(10_000);
    said.length = 0;
    child.kill('SIGCONT');
    await until(() => a.held.size === 2 && said.length >= 2, { ...WAIT, what: 'a new share' });
    expect(said[0]).toBe('lost');
    child.kill('SIGKILL');
    from = performance.now();
    await until(() => a.held.size === 4, { ...WAIT, what: 'the slots of the killed one' });
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(a.lost).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
});
