/**
 * Latency: single-row commits at a steady pace, from the moment the source has acknowledged the
 * commit to the moment the row is seen on its target. One clock; targets are polled by key.
 */
import type { Connection } from 'mysql2/promise';
import { percentile } from '../support/percentile.ts';
import { Meter } from './meter.ts';
import type { Rig } from './rig.ts';
import type { StageResult } from './stages.ts';
import { DATABASE } from './table.ts';

const WRITERS = 4;
const POLL_MS = 2;

export interface Pace {
  perSecond: number;
  seconds: number;
  warmSeconds: number;
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** Rows that are on their way to one target, oldest first. */
class Waiting {
  readonly #sent = new Map<number, number>();
  readonly #target: Connection;
  readonly #table: string;

  constructor(target: Connection, table: string) {
    this.#target = target;
    this.#table = table;
  }

  add(id: number): void {
    this.#sent.set(id, performance.now());
  }

  /** Polls until `ended` and nothing is on its way; tells each arrival. */
  async poll(ended: () => boolean, arrived: (id: number, ms: number) => void): Promise<void> {
    while (!ended() || this.#sent.size > 0) {
      const [oldest] = this.#sent.keys();
      if (oldest !== undefined) {
        const ids = await this.#seen(oldest);
        const now = performance.now();
        for (const id of ids) {
          const sent = this.#sent.get(id);
          if (sent === undefined) continue;
          this.#sent.delete(id);
          arrived(id, now - sent);
        }
      }
      await pause(POLL_MS);
    }
  }

  async #seen(from: number): Promise<number[]> {
    const sql = `SELECT id FROM ${this.#table} WHERE id >= ${from} ORDER BY id LIMIT 5000`;
    const [rows] = await this.#target.query({ sql, rowsAsArray: true });
    return Array.isArray(rows) ? rows.map(r => Number(Array.isArray(r) ? r[0] : Number.NaN)) : [];
  }
}

export async function latencyStage(rig: Rig, table: string, pace: Pace): Promise<StageResult> {
  const name = `${DATABASE}.${table}`;
  const sources: Connection[] = [];
  for (let i = 0; i < WRITERS; i++) sources.push(await rig.connect('s1'));
  const targets: Connection[] = [];
  for (const target of rig.targets) targets.push(await rig.connect(target));
  const waiting = targets.map(c => new Waiting(c, name));
  const base = await highest(sources[0], name);
  const warm = base + pace.perSecond * pace.warmSeconds;
  const latencies: number[] = [];
  let ended = false;
  const polling = waiting.map(w =>
    w.poll(
      () => ended,
      (id, ms) => {
        if (id > warm) latencies.push(ms);
      },
    ),
  );
  const commit = async (id: number): Promise<void> => {
    await sources[id % WRITERS]?.query(
      `INSERT INTO ${name} (id,user_id,status,amount,note,created_at,payload) VALUES
       (${id},${id},'new',1.5,'note ${id} lorem ipsum dolor sit amet',NOW(6),'{"a": 1}')`,
    );
    waiting[id % waiting.length]?.add(id);
  };
  await issue(base, pace.warmSeconds, pace.perSecond, commit);
  const meter = new Meter(() => rig.pids());
  await issue(warm, pace.seconds, pace.perSecond, commit);
  const use = meter.report();
  ended = true;
  await Promise.all(polling);
  await Promise.all([...sources, ...targets].map(c => c.end()));
  latencies.sort((a, b) => a - b);
  return {
    stage: `latency at ${pace.perSecond} changes/s, source commit to target commit`,
    count: latencies.length,
    seconds: pace.seconds,
    perSecond: pace.perSecond,
    p50Ms: Math.round(percentile(latencies, 0.5)),
    p99Ms: Math.round(percentile(latencies, 0.99)),
    maxMs: Math.round(latencies.at(-1) ?? 0),
    use,
  };
}

async function issue(
  after: number,
  seconds: number,
  perSecond: number,
  commit: (id: number) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  const commits: Promise<void>[] = [];
  for (let i = 0; i < seconds * perSecond; i++) {
    const due = startedAt + (i * 1000) / perSecond - performance.now();
    if (due > 1) await pause(due);
    commits.push(commit(after + i + 1));
  }
  await Promise.all(commits);
}

async function highest(c: Connection | undefined, name: string): Promise<number> {
  const answer = await c?.query({ sql: `SELECT MAX(id) FROM ${name}`, rowsAsArray: true });
  const row = Array.isArray(answer?.[0]) ? answer[0][0] : undefined;
  return Array.isArray(row) ? Number(row[0]) : 0;
}
