/**
 * The stages of the bench, each alone and flat out. A stage returns plain figures; what is counted
 * and between which moments is said at each one.
 */
import type { Status } from '../../services/control/status/status.ts';
import { Curve, Meter, type UseReport } from './meter.ts';
import type { Rig } from './rig.ts';
import { changes, DATABASE, fill, fresh } from './table.ts';

export interface StageResult {
  stage: string;
  count: number;
  seconds: number;
  perSecond: number;
  /** Rate between 20 % and 80 % of the way, less touched by start and warm-up. */
  steadyPerSecond?: number;
  p50Ms?: number;
  p99Ms?: number;
  maxMs?: number;
  use: UseReport;
}

const WRITERS = 4;

/** Rows of the source's table to its topic: first to last row that the log has. */
export async function snapshotStage(rig: Rig, table: string, rows: number): Promise<StageResult> {
  const source = await rig.connect('s1');
  await fill(source, table, rows);
  await source.end();
  rig.start('control', 'binlog');
  await rig.watch('the writer to start', s => s.sources.every(x => x.epoch > 0));
  const meter = new Meter(() => rig.pids());
  const curve = new Curve();
  rig.start('snapshot');
  await rig.watch('the copy to the topic', s => {
    curve.note(s.tables[0]?.done ?? 0);
    return s.tables.every(t => t.complete);
  });
  const { total, seconds, perSecond, steadyPerSecond } = curve.rates();
  // Before the service ends: of a process that is gone nobody knows the CPU seconds.
  const use = meter.report();
  await rig.stop('snapshot');
  return {
    stage: 'snapshot to topic, rows',
    count: total,
    seconds,
    perSecond,
    steadyPerSecond,
    use,
  };
}

export interface Backlog {
  events: number;
  /** Rows of a transaction. */
  size: number;
  seed: number;
  /** Runs on one table must differ in it: their keys are apart. */
  run: number;
}

/** Commits changes on several connections; resolves with their number. */
export async function makeChanges(rig: Rig, table: string, o: Backlog): Promise<number> {
  const made = await Promise.all(
    Array.from({ length: WRITERS }, async (_, i) => {
      const c = await rig.connect('s1');
      await c.query('SET SESSION transaction_isolation = "READ-COMMITTED"');
      const worker = o.run * WRITERS + i;
      const n = await changes(c, table, { ...o, worker, events: Math.ceil(o.events / WRITERS) });
      await c.end();
      return n;
    }),
  );
  return made.reduce((a, b) => a + b, 0);
}

/** Changes that wait in the binlog to the topic: the writer is stopped while they are made. */
export async function binlogStage(rig: Rig, table: string, o: Backlog): Promise<StageResult> {
  await rig.stop('binlog');
  const before = (await (await rig.feed()).status()).sources[0]?.records ?? 0;
  const made = await makeChanges(rig, table, o);
  const meter = new Meter(() => rig.pids());
  const curve = new Curve();
  rig.start('binlog');
  await rig.watch('the backlog to be in the topic', s => {
    const records = (s.sources[0]?.records ?? 0) - before;
    curve.note(records);
    return records >= made;
  });
  const { seconds, perSecond, steadyPerSecond } = curve.rates();
  return {
    stage: `binlog to topic, events of ${o.size}-row transactions`,
    count: made,
    seconds,
    perSecond,
    steadyPerSecond,
    use: meter.report(),
  };
}

/** What waits in the topic to the targets: records applied, by the offsets in the targets. */
export async function sinkStage(rig: Rig, stage: string, records: number): Promise<StageResult> {
  const lag = (s: Pick<Status, 'targets'>): number =>
    s.targets.reduce((n, t) => n + (t.lagRecords ?? Infinity), 0);
  const all = lag(await (await rig.feed()).status());
  const meter = new Meter(() => rig.pids());
  const curve = new Curve();
  rig.start('sink');
  await rig.watch('the targets to hold all', s => {
    // Each target goes through the whole log, and applies its share of it.
    curve.note(Math.max(0, (all - lag(s)) / all) * records);
    return s.drained;
  });
  const { seconds, perSecond, steadyPerSecond } = curve.rates();
  return { stage, count: records, seconds, perSecond, steadyPerSecond, use: meter.report() };
}

/**
 * Changes that wait in the binlog to the targets: writer and sink start together, both stopped
 * before. Counted at the targets, from the first change that arrives to the last.
 */
export async function changesEndToEndStage(
  rig: Rig,
  table: string,
  o: Backlog,
): Promise<StageResult> {
  await rig.stop('binlog', 'sink');
  const before = (await (await rig.feed()).status()).sources[0]?.records ?? 0;
  const made = await makeChanges(rig, table, o);
  const stage = `end to end, events of ${o.size}-row transactions, binlog to two targets`;
  return backlogToTargets(rig, stage, { before, made });
}

/** `made` changes that wait in the binlog, behind the `before` records that the log has. */
export async function backlogToTargets(
  rig: Rig,
  stage: string,
  { before, made }: { before: number; made: number },
  onStatus: (s: Status) => void = () => {},
): Promise<StageResult> {
  const meter = new Meter(() => rig.pids());
  const curve = new Curve();
  rig.start('binlog', 'sink');
  await rig.watch('the targets to hold all', s => {
    onStatus(s);
    const written = (s.sources[0]?.records ?? 0) - before;
    // Each target goes through the whole log; the slowest one counts.
    curve.note(Math.max(0, written - Math.max(...s.targets.map(t => t.lagRecords ?? Infinity))));
    return written >= made && s.drained;
  });
  const { seconds, perSecond, steadyPerSecond } = curve.rates();
  return {
    stage,
    count: made,
    seconds,
    perSecond,
    steadyPerSecond,
    use: meter.report(),
  };
}

/** A full check of all rows on both sides. */
export async function checkerStage(rig: Rig, table: string): Promise<StageResult> {
  if (!('checker' in rig.pids())) {
    rig.start('checker');
    await rig.watch('the checker to start', s => isUp(s, 'checker'));
  }
  const source = await rig.connect('s1');
  const rows = await countRows(source, table);
  await source.end();
  const meter = new Meter(() => rig.pids());
  const { code, out } = await rig.cli('verify', '--json');
  const seconds = meter.seconds;
  if (code !== 0) throw new Error(`verify ended with ${code}: ${out.slice(0, 2000)}`);
  return {
    stage: 'full check, rows (both sides of each)',
    count: rows,
    seconds,
    perSecond: Math.round(rows / seconds),
    use: meter.report(),
  };
}

/** Somebody has reported a unit of the service. */
function isUp(s: Status, service: string): boolean {
  return s.services.some(u => u.service === service && u.state !== 'missing');
}

async function countRows(c: Awaited<ReturnType<Rig['connect']>>, table: string): Promise<number> {
  const [rows] = await c.query(`SELECT COUNT(*) AS n FROM ${DATABASE}.${table}`);
  return Array.isArray(rows) && rows[0] && 'n' in rows[0] ? Number(rows[0].n) : 0;
}

/** Everything from empty targets to the verdict "equal". Servers and services are up before. */
export async function endToEndStage(rig: Rig, table: string, rows: number): Promise<StageResult> {
  const source = await rig.connect('s1');
  await fill(source, table, rows);
  await source.end();
  rig.start('control', 'binlog', 'sink', 'checker');
  await rig.watch('the writer to start', s => s.sources.every(x => x.epoch > 0));
  await rig.watch('the checker to start', s => isUp(s, 'checker'));
  const meter = new Meter(() => rig.pids());
  rig.start('snapshot');
  await rig.watch('all rows on the targets', s => s.phase !== 'copying' && s.drained);
  const copied = meter.seconds;
  const { code, out } = await rig.cli('verify', '--json');
  if (code !== 0) throw new Error(`verify ended with ${code}: ${out.slice(0, 2000)}`);
  const seconds = meter.seconds;
  return {
    stage: `end to end, rows, empty to verified (copy alone ${copied.toFixed(1)} s)`,
    count: rows,
    seconds,
    perSecond: Math.round(rows / seconds),
    use: meter.report(),
  };
}

/** Removes what a stage has left, so that the next run starts from nothing. */
export async function clean(rig: Rig, table: string): Promise<void> {
  for (const server of ['s1', ...rig.targets]) {
    const c = await rig.connect(server);
    await c.query(`DROP DATABASE IF EXISTS ${DATABASE}`);
    await c.query(`CREATE DATABASE ${DATABASE}`);
    if (server === 's1') await fresh(c, table);
    await c.end();
  }
}
