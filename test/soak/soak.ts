/** The soak: servers, its rounds one after the other, and what came of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Service } from './crew.ts';
import { roundsOf, type SoakOptions } from './options.ts';
import { Recovery } from './recovery.ts';
import { type RoundResult, runRound } from './round.ts';
import { openSite } from './site.ts';

export interface SoakResult {
  failures: string[];
  faults: number;
  summary: string;
}

const MEMORY_MAX_BYTES = 300 * 1024 * 1024;

export async function runSoak(
  o: SoakOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<SoakResult> {
  const begun = performance.now();
  const tell = (line: string): void => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(7);
    say(`${seconds} ${line}`);
  };
  const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-soak-'));
  tell(`seed ${o.seed} (--seed ${o.seed} repeats the decisions); logs in ${dir}`);
  await using site = await openSite({
    kafkaNodes: o.kafkaNodes,
    connections: o.connections,
    tell,
  });
  const failures: string[] = [];
  const recovery = new Recovery();
  const peaks = new Map<Service, number>();
  let faults = 0;
  for (const mode of o.modes) {
    const rounds = roundsOf(o, mode);
    for (let round = 1; round <= rounds && failures.length === 0; round++) {
      const name = `soak-${mode}-${round}`;
      const result = await runRound({
        site,
        mode,
        name,
        stormMs: (o.minutes * 60_000) / rounds,
        // Another storm for each round.
        seed: (o.seed + 2 * (round - 1) + (mode === 'snapshot' ? 1 : 0)) >>> 0,
        connections: o.connections,
        perSecond: o.rate,
        rows: o.rows,
        sizes: o.sizes,
        faults: o.faults,
        dir,
        tell,
        signal,
      });
      failures.push(...result.failures.map(f => `${name}: ${f}`));
      failures.push(...surprises(result).map(f => `${name}: ${f}`));
      recovery.merge(result.storm.recovery);
      faults += result.storm.count;
      for (const [service, bytes] of result.crew.peakBytes) {
        peaks.set(service, Math.max(bytes, peaks.get(service) ?? 0));
      }
      tell(`${name}: ${lineOf(result)}`);
    }
  }
  for (const [service, bytes] of peaks) {
    if (bytes > MEMORY_MAX_BYTES) failures.push(`${service} took ${megabytes(bytes)}`);
  }
  if (failures.length === 0 && !o.keep) rmSync(dir, { recursive: true, force: true });
  const memory = [...peaks].map(([service, bytes]) => `${service} ${megabytes(bytes)}`).join(', ');
  const verdict =
    failures.length === 0
      ? `equal after ${faults} faults`
      : `FAILED after ${faults} faults, seed ${o.seed}, logs in ${dir}\n${failures.join('\n')}`;
  const summary = [recovery.table(), `peak memory: ${memory}`, verdict].join('\n');
  return { failures, faults, summary };
}

/** A member that did not end by SIGTERM as it should is a failure; others are only told. */
function surprises({ crew }: RoundResult): string[] {
  return crew.surprises
    .filter(s => s.code === -1)
    .map(s => `${s.at} ${s.member} ended with ${s.code}: ${s.lastWords}`);
}

function lineOf({ storm, crew, statements, rows, records }: RoundResult): string {
  return (
    `${storm.count} faults, ${statements} pieces of work done, ${rows} rows at the end, ` +
    `${records} records read by the plain consumer, ${crew.starts} starts of members`
  );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1048576)} MB`;
}
