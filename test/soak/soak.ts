/** The soak: servers, its rounds one after the other, and what came of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { roundsOf, type SoakOptions } from './options.ts';
import { runRound } from './round.ts';
import { openSite } from './site.ts';
import { Verdict } from './verdict.ts';

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
  const { kafkaNodes, connections, network } = o;
  await using site = await openSite({ kafkaNodes, connections, network, tell });
  const verdict = new Verdict();
  for (const mode of o.modes) {
    const rounds = roundsOf(o, mode);
    for (let round = 1; round <= rounds && verdict.failures.length === 0; round++) {
      const name = `soak-${mode}-${round}`;
      const result = await runRound({
        site,
        mode,
        name,
        stormMs: (o.minutes * 60_000) / rounds,
        // Another storm for each round.
        seed: (o.seed + 2 * (round - 1) + (mode === 'snapshot' ? 1 : 0)) >>> 0,
        connections,
        perSecond: o.rate,
        rows: o.rows,
        sizes: o.sizes,
        faults: o.faults,
        dir,
        tell,
        signal,
      });
      verdict.add(name, result);
      tell(`${name}: ${result.failures.length === 0 ? 'equal' : 'FAILED'}`);
    }
  }
  verdict.limitMemory(MEMORY_MAX_BYTES);
  const { failures, faults } = verdict;
  if (failures.length === 0 && !o.keep) rmSync(dir, { recursive: true, force: true });
  return { failures, faults, summary: verdict.text(o, site.network, dir) };
}
