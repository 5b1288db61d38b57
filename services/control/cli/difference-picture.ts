/**
 * A picture of a table: its keys that checks have found different, in key order from top to bottom,
 * over time. A line goes from the check that found a key first to the one that has compared the
 * whole table and found it no more, or to the last check. Only a check of all can say that.
 */
import type { CheckResult, TableResult } from '../../../shared/job/state/check-result.ts';
import type { RepairRun } from '../../../shared/job/state/repair-run.ts';
import { escaped } from './html.ts';
import { count } from './number-text.ts';
import { keyText } from './verify-text.ts';

/** A page with more lines is read by nobody. */
const KEYS_MAX = 300;
const [WIDTH, LEFT, RIGHT, TOP] = [800, 20, 780, 24];

export interface SeenKey {
  key: Record<string, string>;
  firstMs: number;
  lastMs: number;
  /** When a check of the whole table found it no more; null: none has. */
  goneMs: number | null;
}

/** `checks`: the oldest first. */
export function seenKeys(table: string, checks: readonly CheckResult[]): SeenKey[] {
  const seen = new Map<string, SeenKey>();
  for (const { startedMs, tookMs, tables } of checks) {
    const result = tables.find(t => t.table === table);
    if (result === undefined) continue;
    const atMs = startedMs + tookMs;
    const found = new Set<string>();
    for (const { key } of result.differences) {
      const name = keyText(key);
      found.add(name);
      const firstMs = seen.get(name)?.firstMs ?? atMs;
      seen.set(name, { key, firstMs, lastMs: atMs, goneMs: null });
    }
    if (!isWhole(result)) continue;
    for (const [name, known] of seen) if (!found.has(name)) known.goneMs ??= atMs;
  }
  return [...seen.values()].sort((a, b) => compareKeys(a.key, b.key));
}

function isWhole({ after, scope, truncated, unsettled }: TableResult): boolean {
  return !after && !scope && !truncated && unsettled.length === 0;
}

/** Numbers by value; near enough to the order of the index for a picture. */
function compareKeys(a: Record<string, string>, b: Record<string, string>): number {
  for (const [name, x] of Object.entries(a)) {
    const y = b[name] ?? '';
    if (x === y) continue;
    const isNumber = [x, y].every(v => /^-?\d+$/.test(v));
    if (isNumber) return BigInt(x) < BigInt(y) ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}

/** Null: no check has found a key of it different. */
export function differencePicture(
  table: string,
  checks: readonly CheckResult[],
  runs: readonly RepairRun[],
): string | null {
  const keys = seenKeys(table, checks);
  const shown = keys.slice(0, KEYS_MAX);
  if (shown.length === 0) return null;
  const ends = checks.filter(c => c.tables.some(t => t.table === table));
  const fromMs = Math.min(...ends.map(c => c.startedMs));
  const toMs = Math.max(...ends.map(c => c.startedMs + c.tookMs));
  const x = (ms: number): string => {
    const share = (ms - fromMs) / Math.max(1, toMs - fromMs);
    return (LEFT + Math.min(1, Math.max(0, share)) * (RIGHT - LEFT)).toFixed(1);
  };
  const step = Math.max(3, Math.min(14, 420 / shown.length));
  const bottom = TOP + step * shown.length + 6;
  const repairs = runs.filter(
    r => r.tables.includes(table) && r.stageMs >= fromMs && r.stageMs <= toMs,
  );
  const parts = [
    line('axis', [`${LEFT}`, `${bottom}`, `${RIGHT}`, `${bottom}`]),
    label(LEFT, 14, 'start', iso(fromMs)),
    label(RIGHT, 14, 'end', iso(toMs)),
    ...repairs.map(r => line('run', [x(r.stageMs), `${TOP}`, x(r.stageMs), `${bottom}`], r.id)),
    ...shown.map((k, i) => keyMark(k, x, TOP + step * (i + 0.5), toMs)),
  ];
  const more = keys.length - shown.length;
  const left = more > 0 ? `; ${count(more)} more keys are not drawn` : '';
  const range = `${keyText(shown[0]?.key ?? {})} to ${keyText(shown.at(-1)?.key ?? {})}`;
  const legend =
    'red: found different; green: a check of the whole table found it no more; dashed: a repair';
  return (
    `<h3>${escaped(table)}</h3>\n` +
    `<svg viewBox="0 0 ${WIDTH} ${bottom + 6}" role="img">${parts.join('')}</svg>\n` +
    `<p>Keys from top to bottom: ${escaped(range)}${left} (${legend}).</p>`
  );
}

function keyMark(k: SeenKey, x: (ms: number) => string, y: number, toMs: number): string {
  const [from, to, at] = [x(k.firstMs), x(k.goneMs ?? toMs), y.toFixed(1)];
  const ended = k.goneMs === null ? `last seen ${iso(k.lastMs)}` : `gone at ${iso(k.goneMs)}`;
  const title = `${keyText(k.key)}: first seen ${iso(k.firstMs)}, ${ended}`;
  return [
    line('open', [from, at, to, at], title),
    dot('open', from, at, title),
    ...(k.goneMs === null ? [] : [dot('gone', to, at, title)]),
  ].join('');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function line(kind: string, [x1, y1, x2, y2]: readonly string[], title = ''): string {
  const shape = `class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"`;
  return `<line ${shape}><title>${escaped(title)}</title></line>`;
}

function dot(kind: string, x: string, y: string, title: string): string {
  return `<circle class="${kind}" cx="${x}" cy="${y}" r="2"><title>${escaped(title)}</title></circle>`;
}

function label(x: number, y: number, anchor: string, said: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(said)}</text>`;
}
