/**
 * How long an operator waits: from `reshard up` to the first row that a reader of the target sees,
 * on servers that are up. The marks on the way are what the services log themselves, so that the
 * slow part has a name; the first chunk and the first row are seen from outside.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tableTopic } from '../../shared/kafka/topic-name.ts';
import { kafkaOf } from '../../shared/member/context.ts';
import { until } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import type { Rig } from './rig.ts';
import { DATABASE, fill } from './table.ts';

const BIN = fileURLToPath(new URL('../../services/control/bin.mjs', import.meta.url));
const LIMIT_MS = 60_000;
const SERVICES = 5;

/** Milliseconds from the start of the command to each mark, in the order of a start. */
export interface StartMarks {
  /** The last of the five services runs our code. */
  tree: number;
  doctor: number;
  prepared: number;
  /** The first chunk's rows are committed in the table's topic. */
  logged: number;
  /** A reader of a target sees a row. */
  applied: number;
}

/** One start of a job of its own, ended again when the first row is there. */
export async function startStage(rig: Rig, table: string, rows: number): Promise<StartMarks> {
  const source = await rig.connect('s1');
  await fill(source, table, rows);
  await source.end();
  const logs = path.join(rig.dir, `${rig.job.job}-logs`);
  rmSync(logs, { recursive: true, force: true });
  const topic = tableTopic(rig.job.job, DATABASE, table);
  await using kafka = kafkaOf(rig.job, createLogger({ name: 'bench', level: 'fatal' }), 'bench');
  const readers = await Promise.all(rig.targets.map(t => rig.connect(t)));
  const begun = Date.now();
  const args = [BIN, 'up', rig.file, '--create-targets', '--quiet', '--logs', logs];
  const up = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise(resolve => up.once('exit', resolve));
  try {
    const [logged, applied] = await Promise.all([
      seen('a chunk in the log', begun, async () => {
        const ends = await kafka.offsets(topic).catch(() => []);
        return ends.some(o => o.latest > 0);
      }),
      seen('a row on a target', begun, async () => {
        const found = await Promise.all(readers.map(r => hasRow(r, table)));
        return found.includes(true);
      }),
    ]);
    const lines = logLines(logs);
    const at = (msg: RegExp): number[] =>
      lines.filter(l => msg.test(l.msg)).map(l => Date.parse(l.time) - begun);
    const started = at(/^service starts$/).slice(0, SERVICES);
    return {
      tree: Math.max(...started),
      doctor: Math.min(...at(/^the doctor found no blocker$/)),
      prepared: Math.min(...at(/^job prepared$/)),
      logged,
      applied,
    };
  } finally {
    up.kill('SIGTERM');
    await exited;
    for (const r of readers) await r.end();
  }
}

type Reader = Awaited<ReturnType<Rig['connect']>>;

async function hasRow(reader: Reader, table: string): Promise<boolean> {
  try {
    const [found] = await reader.query(`SELECT 1 FROM ${DATABASE}.${table} LIMIT 1`);
    return Array.isArray(found) && found.length > 0;
  } catch {
    // No table yet.
    return false;
  }
}

async function seen(what: string, begun: number, probe: () => Promise<boolean>): Promise<number> {
  await until(probe, { timeoutMs: LIMIT_MS, everyMs: 20, what });
  return Date.now() - begun;
}

interface LogLine {
  time: string;
  msg: string;
}

function logLines(dir: string): LogLine[] {
  const texts = readdirSync(dir).map(file => readFileSync(path.join(dir, file), 'utf8'));
  return texts
    .flatMap(text => text.split('\n'))
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map((line): LogLine => JSON.parse(line));
}

const TEXT: Record<keyof StartMarks, string> = {
  tree: 'five services run',
  doctor: 'doctor done',
  prepared: 'job prepared',
  logged: 'first chunk in the log',
  applied: 'first row on a target',
};

/** A table of the runs, one column each. */
export function startTable(runs: readonly StartMarks[]): string {
  const names: (keyof StartMarks)[] = ['tree', 'doctor', 'prepared', 'logged', 'applied'];
  return names
    .map(name => {
      const each = runs.map(r => `${(r[name] / 1000).toFixed(2)} s`.padStart(9)).join('');
      return `  ${TEXT[name].padEnd(24)}${each}`;
    })
    .join('\n');
}
