/** Status as text: the live view of a terminal, and one plain line for anything else. */
import { styleText } from 'node:util';
import type {
  MemberStatus,
  PauseStatus,
  ServiceStatus,
  Status,
  TableStatus,
} from '../status/status.ts';

type Style = Parameters<typeof styleText>[0];

export interface RenderOptions {
  colour: boolean;
  width: number;
}

const BAR = 20;

export function renderView(s: Status, o: RenderOptions): string {
  const paint = (style: Style, text: string): string =>
    o.colour ? styleText(style, text, { validateStream: false }) : text;
  const lines = [...head(s, paint), ...(s.tables.length > 0 ? body(s, paint) : [])];
  return lines.map(l => (o.colour ? l : l.slice(0, o.width))).join('\n');
}

type Paint = (style: Style, text: string) => string;

/** Phase, what is waited for, and why the copy stands still. */
function head(s: Status, paint: Paint): string[] {
  const since = s.sinceMs > 0 ? ` for ${duration(Date.now() - s.sinceMs)}` : '';
  const flow = s.tables.length === 0 ? '' : s.drained ? paint('green', 'drained') : 'flowing';
  const lines = [`${paint('bold', s.job)}  phase ${paint('cyan', s.phase)}${since}  ${flow}`];
  if (s.waiting !== null) {
    const [first = '', ...more] = s.waiting.split('\n');
    lines.push(`${paint('yellow', 'waiting:')} ${first}`, ...more);
  }
  return [...lines.map(l => l.trimEnd()), ...s.pauses.map(p => pauseLine(p, paint))];
}

function pauseLine({ reason, by, sinceMs }: PauseStatus, paint: Paint): string {
  const since = `${new Date(sinceMs).toISOString()}, ${duration(Date.now() - sinceMs)}`;
  return `${paint('yellow', 'copy paused:')} ${reason} (by ${by || 'unknown'}, since ${since})`;
}

function body(s: Status, paint: Paint): string[] {
  return [
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
    paint(
      'dim',
      columns(['target', 'behind (records)', 'rows applied', 'rows/s', 'parked', 'blocked']),
    ),
    ...s.targets.map(t =>
      columns([
        t.target,
        t.reachable ? count(t.lagRecords) : 'unreachable',
        count(t.rows),
        count(t.rowsPerSecond),
        String(t.parked),
        t.blocked > 0 ? paint('red', String(t.blocked)) : '0',
      ]),
    ),
    '',
    `${paint('dim', 'members')}  ${memberCounts(s.members)}`,
    ...s.services.flatMap(x => trouble(x, paint)),
  ];
}

/** How many processes of each service there are; 0 where one has been and is gone. */
function memberCounts(members: readonly MemberStatus[]): string {
  const counts = new Map<string, number>();
  for (const { service, state } of members) {
    counts.set(service, (counts.get(service) ?? 0) + (state === 'running' ? 1 : 0));
  }
  return [...counts].map(([service, n]) => `${service} ${n}`).join(', ') || 'none';
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
    .map(t => {
      const blocked = t.blocked > 0 ? ` blocked keys ${count(t.blocked)}` : '';
      return `${t.target} ${count(t.rowsPerSecond)} rows/s behind ${count(t.lagRecords)}${blocked}`;
    })
    .join(', ');
  const bad = s.services.filter(isTrouble).map(x => `${x.service}/${x.unit} ${x.state}`);
  const etas = s.tables.map(t => t.etaSeconds);
  const eta = etas.includes(null) ? '?' : duration(Math.max(0, ...etas.map(Number)) * 1000);
  const etaText = s.phase === 'copying' ? ` | ETA ${eta}` : '';
  const badText = bad.length > 0 ? ` | ${bad.join(', ')}` : '';
  const paused = s.pauses.map(p => ` | copy paused: ${p.reason} (by ${p.by || 'unknown'})`);
  const waiting = s.waiting === null ? '' : ` | waiting: ${s.waiting.replace(/\s*\n\s*/g, '; ')}`;
  const flow = s.tables.length > 0 ? ` | ${tables}${etaText} | ${sources} | ${targets}` : '';
  return `${s.phase}${waiting}${flow}${paused.join('')}${badText}`;
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

function trouble(s: ServiceStatus, paint: Paint): string[] {
  if (!isTrouble(s)) return [];
  const isRed = s.state === 'halted' || s.state === 'blocked';
  const head = paint(isRed ? 'red' : 'yellow', `${s.service}/${s.unit}: ${s.state}`);
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
