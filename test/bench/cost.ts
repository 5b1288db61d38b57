/**
 * What the way back and the streaming check cost the pipeline: the same backlog of changes to the
 * targets by three jobs in turns, one without either, one with the way back, one with both. The
 * CPU of every process is counted until the last of them has nothing left to do: what is put off
 * until the changes are through is paid for all the same.
 */
import type { Status } from '../../services/control/status/status.ts';
import { until } from '../../shared/runtime/clock.ts';
import { percentile } from '../support/percentile.ts';
import { Meter, processUse } from './meter.ts';
import { type BenchServers, Rig } from './rig.ts';
import { backlogToTargets, clean, makeChanges, type StageResult } from './stages.ts';
import { fill } from './table.ts';

export interface Variant {
  name: string;
  /** What its job file has besides. */
  more: { cutover?: object; options?: object };
}

export const VARIANTS: readonly Variant[] = [
  { name: 'neither', more: {} },
  { name: 'back', more: { cutover: { back: {} } } },
  {
    name: 'back and streaming check',
    more: { cutover: { back: {} }, options: { streamingCheck: true } },
  },
];

/** A process that takes less of a core for a second has nothing to do but to wait. */
const IDLE_SHARE = 0.12;
const LOOK_MS = 1000;

export interface CostRun {
  variant: string;
  /** To both targets. */
  changes: StageResult;
  /** From there until all that the changes have caused is done. */
  settledSeconds: number;
  /** How old the proof was at most while the changes were on their way, seconds. */
  proofAgeSeconds: number;
  /** From the start of the writer until all is done, by process. */
  cpuUsEach: Record<string, number>;
  peakMb: Record<string, number>;
}

export interface CostOptions {
  dir: string;
  stamp: string;
  table: string;
  rows: number;
  events: number;
  seed: number;
  profileDir?: string | undefined;
}

export async function costRun(
  servers: BenchServers,
  { name, more }: Variant,
  o: CostOptions,
): Promise<CostRun> {
  const job = `cost-${o.stamp}`;
  await using rig = new Rig(servers, { ...o, name: job, more });
  const isStreaming = rig.job.options.streamingCheck;
  await copied(rig, o);
  await rig.stop('snapshot', 'binlog', 'sink');
  const before = (await (await rig.feed()).status()).sources[0]?.records ?? 0;
  const made = await makeChanges(rig, o.table, { ...o, size: 5, run: 0 });
  const meter = new Meter(() => rig.pids());
  let proofAgeSeconds = 0;
  const stage = `${name}: changes of 5-row transactions, binlog to two targets`;
  const changes = await backlogToTargets(rig, stage, { before, made }, s => {
    if (isStreaming) proofAgeSeconds = Math.max(proofAgeSeconds, proofAge(s));
  });
  const endedMs = Date.now();
  if (isStreaming) {
    await rig.watch('the proof to be of now', s => {
      proofAgeSeconds = Math.max(proofAgeSeconds, proofAge(s));
      return s.stream?.tables.every(t => t.state === 'equal' && t.equalMs > endedMs) ?? false;
    });
  }
  await untilIdle(rig);
  const settledSeconds = (Date.now() - endedMs) / 1000;
  const use = Object.entries(meter.report());
  const each = ([p, u]: (typeof use)[number]): [string, number] => [
    p,
    Math.round((u.cpuSeconds * 1e7) / made) / 10,
  ];
  return {
    ...{ variant: name, changes, settledSeconds, proofAgeSeconds },
    cpuUsEach: Object.fromEntries(use.map(each)),
    peakMb: Object.fromEntries(use.map(([p, u]) => [p, u.peakMb])),
  };
}

/** All rows on the targets, and known to be equal where the job asks for it. */
async function copied(rig: Rig, o: CostOptions): Promise<void> {
  await clean(rig, o.table);
  const source = await rig.connect('s1');
  await fill(source, o.table, o.rows);
  await source.end();
  rig.start('control', 'binlog', 'snapshot', 'sink', 'checker');
  await rig.watch('all rows on the targets', s => s.phase !== 'copying' && s.drained);
  const { code, out } = await rig.cli('verify', '--json');
  if (code !== 0) throw new Error(`verify ended with ${code}: ${out.slice(0, 2000)}`);
  if (!rig.job.options.streamingCheck) return;
  await rig.watch(
    'the streaming check to rest on it',
    s => s.stream?.tables.every(t => t.state === 'equal') ?? false,
  );
}

function proofAge({ stream }: Status): number {
  return Math.max(0, ...(stream?.tables ?? []).map(t => (Date.now() - t.equalMs) / 1000));
}

/** Until neither the writer nor the checker does anything but wait. */
async function untilIdle(rig: Rig): Promise<void> {
  const used = (): number => {
    const { binlog = 0, wayBack = 0, checker = 0 } = rig.pids();
    return [binlog, wayBack, checker].reduce((sum, pid) => sum + processUse(pid).cpuSeconds, 0);
  };
  let [last, atMs] = [used(), performance.now()];
  await until(
    async () => {
      const [now, nowMs] = [used(), performance.now()];
      if (nowMs - atMs < LOOK_MS / 2) return undefined;
      const share = (now - last) / ((nowMs - atMs) / 1000);
      [last, atMs] = [now, nowMs];
      return share < IDLE_SHARE || undefined;
    },
    { timeoutMs: 300_000, everyMs: LOOK_MS, what: 'the services to have nothing left to do' },
  );
}

/** One line a run, and the shares of the first variant by their medians. */
export function costTable(runs: readonly CostRun[]): string {
  const lines = runs.map(r => {
    const cpu = Object.entries(r.cpuUsEach).map(([p, us]) => `${p} ${us}`);
    const { use, count } = r.changes;
    const burst = Object.values(use).reduce((sum, u) => sum + u.cpuSeconds, 0);
    return [
      `${r.variant}: ${r.changes.perSecond} /s, steady ${r.changes.steadyPerSecond ?? 0} /s,`,
      `settled after ${r.settledSeconds.toFixed(1)} s,`,
      `proof at most ${r.proofAgeSeconds.toFixed(1)} s old;`,
      `CPU of all until they are there ${((burst * 1e6) / count).toFixed(1)} us a change,`,
      `in all ${cpu.join(', ')}; checker ${r.peakMb.checker ?? 0} MB`,
    ].join(' ');
  });
  const names = [...new Set(runs.map(r => r.variant))];
  const rates = (variant: string): number[] =>
    runs.filter(r => r.variant === variant).map(r => r.changes.steadyPerSecond ?? 0);
  const first = percentile(rates(names[0] ?? ''), 0.5);
  const shares = names.map(n => {
    const rate = percentile(rates(n), 0.5);
    return `${n}: median ${rate} /s, ${Math.round((100 * rate) / first)} %`;
  });
  return [...lines, ...shares].join('\n');
}
