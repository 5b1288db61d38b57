/**
 * I10, I14: records that are gone before the sink has applied them stop their partition loudly, and
 * the remedy that is printed brings it back; what an operator has paused stands still until the
 * last reason is lifted.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAdminClient } from '../../shared/kafka/wire/kafkajs.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { servers } from '../support/dev.ts';
import { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { type MysqlEndpoint, type Servers, startServers } from '../support/servers/servers.ts';
import { Rig, SLOW_COPY } from './rig.ts';

const MINUTES = 60_000;

let mysql: Servers;
let source: MysqlEndpoint;
let target: MysqlEndpoint;

beforeAll(async () => {
  mysql = await startServers({
    mysql: [
      { name: 's', serverId: 161 },
      { name: 't', serverId: 261 },
    ],
  });
  source = mysql.mysql('s').endpoint;
  target = mysql.mysql('t').endpoint;
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

test(
  'a topic that is trimmed past the sink halts it: never a jump; the printed remedy brings it back',
  async () => {
    await using rig = await Rig.open({ source, targets: [target], orders: 500 });
    rig.startAll();
    await rig.copied();
    await rig.drained();
    for (const sink of rig.running('sink')) await rig.end(sink, 'SIGTERM');
    const load = rig.load(200);
    await sleep(2_000);
    await load.stop();
    const { kafka } = await rig.link();
    const topic = rig.topic('orders');
    const admin = await kafka.admin();
    const grown = async () => (await admin.offsets(topic)).find(p => p.latest - 5 > 0);
    const db = await LoadClient.open(target, rig.database);
    const offset = async (part: number): Promise<number> =>
      Number(
        await db.value('SELECT next_offset FROM reshard_offset WHERE topic = ? AND part = ?', [
          topic,
          part,
        ]),
      );
    const place = await rig.until(
      'changes that the sink has not seen',
      async () => {
        const at = await grown();
        return at && (await offset(at.partition)) < at.latest - 5 && at;
      },
      MINUTES,
    );
    if (!place) throw new Error('no place');
    const applied = await offset(place.partition);
    const earliest = place.latest - 1;
    await trim(topic, place.partition, earliest);
    rig.start('sink');
    const error = await rig.halted('sink');
    expect(error).toMatch(/history-lost/);
    expect(error).toContain(topic);
    expect(error).toMatch(new RegExp(`partition=${place.partition}\\b`));
    expect(error).toContain(`${applied}`);
    expect(await offset(place.partition), 'the offset of what is lost').toBe(applied);
    await db.close();
    const others = await callReshard('verify', rig.jobFile, '--tables', 'customers', '--json');
    expect(others.code, `what another table waits for: ${others.out}${others.err}`).toBe(0);
    // The remedy as it is printed. Rows that were deleted in the gap are on the target still.
    const remedy = /`reshard recopy <job file> (--source \S+ --tables \S+)`/.exec(error)?.[1] ?? '';
    const args = [...remedy.split(' '), '--yes', '--timeout', '120'];
    const recopied = await callReshard('recopy', rig.jobFile, ...args);
    expect(recopied.code, `${remedy}: ${recopied.err}`).toBe(0);
    await rig.drained();
    await rig.expectEqual();
  },
  3 * MINUTES,
);

test(
  'the copy stands still while any reason is left, outlives members, and follows changes meanwhile',
  async () => {
    await using rig = await Rig.open({
      source,
      targets: [target],
      orders: 3_000,
      options: { ...SLOW_COPY, snapshotRowsPerSecond: 500 },
    });
    await using load = rig.load(100);
    rig.startAll();
    await rig.until('rows', async () => (await rig.copiedRows()) > 200, MINUTES);
    const reshard = async (...args: string[]): Promise<string> => {
      const [command = '', ...rest] = args;
      const { code, out, err } = await callReshard(command, rig.jobFile, ...rest);
      expect(code, `${command}: ${err}`).toBe(0);
      // A line for each reason; who asked for it, and when, is another matter.
      const told = out.trim().replaceAll(/ \(by [^)]*\)/g, '');
      return told.replaceAll('\nthe copy is paused: ', ', ');
    };
    expect(await reshard('pause', '--reason', 'backup')).toBe('the copy is paused: backup');
    expect(await reshard('pause')).toBe('the copy is paused: backup, operator');
    await stands(rig);
    // A reason is durable: a new member and a new control obey it.
    for (const service of ['snapshot', 'control'] as const) {
      for (const member of rig.running(service)) await rig.end(member, 'SIGKILL');
      rig.start(service);
    }
    expect(await reshard('resume', '--reason', 'backup')).toBe('the copy is paused: operator');
    await stands(rig);
    const log = (await rig.link()).progress.get(rig.sourceName);
    const { ordinal } = log?.resume ?? { ordinal: 0 };
    await rig.until('changes go on', () => Number(log?.resume?.ordinal) > Number(ordinal), MINUTES);
    const nothing = await callReshard('resume', rig.jobFile, '--reason', 'backup');
    expect(nothing.code).toBe(1);
    expect(await reshard('resume')).toBe('the copy is not paused');
    await rig.until('rows again', async () => (await rig.copiedRows()) > 2_000, MINUTES);

    // At most so many rows a second, and about that many.
    const [rows, since] = [await rig.copiedRows(), performance.now()];
    await rig.until('four seconds', () => performance.now() - since > 4_000, MINUTES);
    const perSecond = ((await rig.copiedRows()) - rows) / ((performance.now() - since) / 1000);
    console.log(`limit 500 rows/s: ${perSecond.toFixed(0)} rows/s`);
    expect(perSecond).toBeLessThan(700);
    expect(perSecond).toBeGreaterThan(100);
    rig.editOptions({ snapshotRowsPerSecond: 0 });
    for (const member of rig.running('snapshot')) await rig.end(member, 'SIGTERM');
    rig.start('snapshot');
    await rig.copied();
    await load.stop();
    await rig.drained();
    await rig.expectEqual();
  },
  4 * MINUTES,
);

async function trim(topic: string, partition: number, earliest: number): Promise<void> {
  const log = createLogger({ name: 'availability-test', level: 'fatal' });
  const admin = createAdminClient({ brokers: servers().brokers, clientId: 'trim', log });
  await admin.connect();
  await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: `${earliest}` }] });
  await admin.disconnect();
}

/** At 500 rows a second and 200 a chunk, a copy that runs shows within half a second. */
const STANDS_MS = 1500;

/** No row is copied for a while, once what was under way has arrived. */
async function stands(rig: Rig): Promise<void> {
  let [rows, since] = [-1, 0];
  await rig.until(
    'the copy to stand still',
    async () => {
      const now = await rig.copiedRows();
      if (now !== rows) [rows, since] = [now, performance.now()];
      return performance.now() - since > STANDS_MS;
    },
    20_000,
  );
}
