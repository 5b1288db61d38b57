/** Status as text: the live view of a terminal, and one plain line for anything else. */
import { styleText } from 'node:util';
import type { ServiceStatus, Status, TableStatus } from './status.ts';

type Style = Parameters<typeof styleText>[0];

export interface RenderOptions {
  colour: boolean;
  width: number;
}

const BAR = 20;

export function renderView(s: Status, o: RenderOptions): string {
  const paint = (style: Style, text: string): string =>
    o.colour ? styleText(style, text, { validateStream: false }) : text;
  const lines = [
    `${paint('bold', s.job)}  phase ${paint('cyan', s.phase)} for ${duration(Date.now() - s.sinceMs)}` +
      `  ${s.drained ? paint('green', 'drained') : 'flowing'}`,
    '',
    paint('dim', columns(['table', 'rows done / total', '', 'rows/s', 'ETA', 'ranges'])),
    ...s.tables.map(tableLine),
    '',
    paint('dim', columns(['source', 'lag', 'position', 'records/s', 'epoch', ''])),
    ...s.sources.map(x =>
      columns([
        x.source,
        x.lagSeconds === null ? 'unknown' : x.caughtUp ? '0 s' : `${x.lagSeconds.toFixed(1)} s`,
        `${x.file}:${x.pos}`,
        count(x.recordsPerSecond),
        String(x.epoch),
        '',
      ]),
    ),
    '',
    paint('dim', columns(['target', 'behind (records)', 'rows applied', 'rows/s', 'parked', ''])),
    ...s.targets.map(t =>
      columns([
        t.target,
        t.reachable ? count(t.lagRecords) : 'unreachable',
        count(t.rows),
        count(t.rowsPerSecond),
        String(t.parked),
        '',
      ]),
    ),
    ...s.services.flatMap(x => trouble(x, paint)),
  ];
  return lines.map(l => (o.colour ? l : l.slice(0, o.width))).join('\n');
}

/** Everything that matters in one line, for logs and pipes. */
export function renderLine(s: Status): string {
  const tables = s.tables
    .map(t => `${t.table} ${count(t.done)}/${count(t.total)} ${count(t.rowsPerSecond)}/s`)
    .join(', ');
  const sources = s.sources
    .map(x => `${x.source} lag ${x.lagSeconds === null ? '?' : x.lagSeconds.toFixed(1)} s`)
    .join(', ');
  const targets = s.targets
    .map(t => `${t.target} ${count(t.rowsPerSecond)} rows/s behind ${count(t.lagRecords)}`)
    .join(', ');
  const bad = s.services.filter(isTrouble).map(x => `${x.service}/${x.unit} ${x.state}`);
  const eta = Math.max(0, ...s.tables.map(t => t.etaSeconds ?? 0));
  const etaText = s.phase === 'copying' ? ` | ETA ${duration(eta * 1000)}` : '';
  const badText = bad.length > 0 ? ` | ${bad.join(', ')}` : '';
  return `${s.phase} | ${tables}${etaText} | ${sources} | ${targets}${badText}`;
}

function tableLine(t: TableStatus): string {
  const part = t.total === 0 ? (t.complete ? 1 : 0) : Math.min(1, t.done / t.total);
  const filled = Math.round(part * BAR);
  return columns([
    t.table,
    `${count(t.done)} / ${count(t.total)}`,
    `${'█'.repeat(filled)}${'·'.repeat(BAR - filled)} ${Math.floor(part * 100)} %`,
    count(t.rowsPerSecond),
    t.complete ? 'done' : t.etaSeconds === null ? '?' : duration(t.etaSeconds * 1000),
    `${t.rangesDone}/${t.rangesTotal}${t.rejectedChunks > 0 ? ` (${t.rejectedChunks} reread)` : ''}`,
  ]);
}

function isTrouble(s: ServiceStatus): boolean {
  return s.error !== null || s.state === 'silent' || s.state === 'halted';
}

function trouble(s: ServiceStatus, paint: (style: Style, text: string) => string): string[] {
  if (!isTrouble(s)) return [];
  const head = paint(s.state === 'halted' ? 'red' : 'yellow', `${s.service}/${s.unit}: ${s.state}`);
  return ['', `${head} (${s.member}, ${s.ageSeconds} s ago)`, ...(s.error?.split('\n') ?? [])];
}

const WIDTHS = [16, 22, 28, 11, 9, 16];

function columns(cells: string[]): string {
  return cells
    .map((c, i) => c.padEnd(WIDTHS[i] ?? 12))
    .join('')
    .trimEnd();
}

export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

export function duration(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
}
