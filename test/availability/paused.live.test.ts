/**
 * I3, I4, I6, I7 with members that stand still for longer than their lease: others go on, and the
 * one that wakes up changes nothing; where there is no other, it takes its work up again. How soon
 * is not asked here: members.live.test.ts measures that, alone on the machine.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SERVICES } from '../../services/control/cli/service.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { MysqlEndpoint, Servers } from '../support/servers/servers.ts';
import { active, FLOWING, type Leased, missing, ownerNow, type Slotted } from './flow.ts';
import { type Member, Rig, SLOW_COPY, startTwoTargets } from './rig.ts';

const MINUTES = 60_000;
/** A member that still holds a unit tells of it every second. */
const SILENT_MS = 2500;
const PAST_SESSION_MS = 8000;
const UNIT_ENDS_WITHIN_MS = 6000;

let mysql: Servers;
let source: MysqlEndpoint;
let targets: MysqlEndpoint[];

beforeAll(async () => {
  ({ mysql, source, targets } = await startTwoTargets(154));
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

/** One that has lost its lease says nothing more of what it had: nobody hears it for seconds. */
async function isSilent(rig: Rig, service: Leased, woken: Member): Promise<void> {
  let since = performance.now();
  await rig.until(
    `the woken ${service} to be silent`,
    async () => {
      if ((await ownerNow(rig, service)) === woken) since = performance.now();
      return performance.now() - since > SILENT_MS;
    },
    MINUTES,
  );
}

test(
  'one that was paused past its lease and wakes up changes nothing',
  async () => {
    await using rig = await Rig.open({
      source,
      targets,
      orders: 6_000,
      options: { ...SLOW_COPY, snapshotRowsPerSecond: 300 },
    });
    await using load = rig.load(80);
    rig.startAll(SERVICES, 2);
    await using consumer = await rig.link().then(() => rig.plainConsumer());
    await rig.until('rows', async () => (await rig.copiedRows()) > 100, MINUTES);
    // One of each is paused at the same time, so that all wake up to a world that has moved on.
    const paused: { service: Leased | Slotted; member: Member }[] = [];
    for (const service of ['binlog', 'sink', 'snapshot', 'control', 'checker'] as const) {
      paused.push({ service, member: await active(rig, service) });
    }
    const flowing = await Promise.all(paused.map(p => FLOWING[p.service](rig, targets)));
    for (const { member } of paused) member.process.kill('SIGSTOP');
    for (const [i, { service }] of paused.entries()) {
      const flows = flowing[i] ?? missing(service);
      await rig.until(`${service} to flow without the paused one`, flows, MINUTES);
    }
    for (const { member } of paused) member.process.kill('SIGCONT');
    await Promise.all(
      paused.map(async ({ service, member }) => {
        if (service !== 'snapshot' && service !== 'sink') await isSilent(rig, service, member);
      }),
    );
    // So slow that there is a copy to pause, on a busy machine too.
    const { code, err } = await callReshard('throttle', rig.jobFile, '--set', 'rows=20000');
    expect(code, err).toBe(0);
    await rig.copied();
    await load.stop();
    await rig.drained();
    await rig.expectEqual();
    await rig.expectFollowed(consumer);
  },
  5 * MINUTES,
);

test(
  'alone, one that loses its lease and takes it again is seen at work afterwards',
  async () => {
    await using rig = await Rig.open({ source, targets, orders: 200 });
    rig.startAll(SERVICES);
    await rig.copied();
    await rig.drained();
    const { reports } = await rig.link();
    const units = [...reports].filter(([, r]) => r.state === 'running').map(([key]) => key);
    for (const service of SERVICES) {
      expect(units.some(key => key.startsWith(`${service}/`))).toBe(true);
    }
    const members = SERVICES.flatMap(service => rig.running(service));
    for (const member of members) member.process.kill('SIGSTOP');
    await sleep(PAST_SESSION_MS);
    for (const member of members) member.process.kill('SIGCONT');
    const leased = members.filter(m => m.service !== 'snapshot');
    const hasLost = (): boolean => leased.every(m => /lease lost/.test(rig.textOf(m)));
    await rig.until('the leases to be lost', hasLost, MINUTES);
    // The unit of before the loss needs a while to end, beside the one that has begun meanwhile.
    const settledMs = Date.now() + UNIT_ENDS_WITHIN_MS;
    const quiet = (): string[] =>
      units.filter(key => {
        const report = reports.get(key);
        return report?.state !== 'running' || report.tsMs < settledMs;
      });
    await rig
      .until('every unit to report', () => quiet().length === 0, MINUTES)
      .catch(cause => {
        throw new Error(`silent: ${quiet().join(', ')}`, { cause });
      });
  },
  2 * MINUTES,
);
