/**
 * Status as text, the worst thing first: the view of a terminal, and one plain line for anything
 * else. The word on top is the headline (status/headline.ts), and nothing else here is green.
 */
import { styleText } from 'node:util';
import { levelOf, type Problem, problemsOf, problemText } from '../status/problem.ts';
import type {
  Level,
  MemberStatus,
  PauseStatus,
  SourceStatus,
  Status,
  TableStatus,
  TargetStatus,
} from '../status/status.ts';
import { cutoverLines } from './cutover-text.ts';
import { count, duration } from './number-text.ts';
import { proofLines, proofParts } from './proof-text.ts';
import { type Column, textTable, wrapped } from './text-table.ts';
import { brakeText, spentText } from './throttle-text.ts';

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

export interface RenderOptions {
  colour: boolean;
  width: number;
}

const BAR = 10;
/** Problems that are shown in full; more of them are counted. */
const PROBLEMS_MAX = 6;
/** Of the worst problem, on a line that also has to show how far the job is. */
const LINE_PROBLEM_MAX = 300;

const STYLES: Record<Level, Style> = {
  failure: 'red',
  warning: 'yellow',
  normal: 'cyan',
  good: 'green',
};

const TABLE_COLUMNS: Column[] = [
  { head: 'table' },
  { head: 'rows in the log / total' },
  { head: '', rank: 1 },
  { head: '', align: 'right' },
  { head: 'rows/s', align: 'right' },
  { head: 'ETA', align: 'right' },
  { head: 'ranges', rank: 2 },
];

const SOURCE_COLUMNS: Column[] = [
  { head: 'source' },
  { head: 'lag', align: 'right' },
  { head: 'records/s', align: 'right' },
  { head: 'position', rank: 2 },
  { head: 'epoch', align: 'right', rank: 1 },
];

const TARGET_COLUMNS: Column[] = [
  { head: 'target' },
  { head: 'behind (records)', align: 'right' },
  { head: 'rows applied', align: 'right', rank: 1 },
  { head: 'rows/s', align: 'right' },
  { head: 'parked', align: 'right' },
  { head: 'blocked', align: 'right' },
];

export function renderView(s: Status, o: RenderOptions): string {
  const paint: Paint = (style, text) =>
    o.colour ? styleText(style, text, { validateStream: false }) : text;
  return [
    head(s, paint),
    ...problemLines(s, o.width, paint),
    ...s.pauses.flatMap(p => painted(wrapped(pauseText(p), o.width), 'yellow', paint)),
    ...throttleLines(s).flatMap(text => painted(wrapped(text, o.width), 'yellow', paint)),
    ...cutoverLines(s).flatMap(text => wrapped(text, o.width)),
    ...(s.tables.length > 0 ? body(s, o.width, paint) : []),
  ].join('\n');
}

/** Of a problem only the word: what is wrong stands below, in full. */
function head({ job, phase, sinceMs, headline }: Status, paint: Paint): string {
  const { word, level, text } = headline;
  const since = sinceMs > 0 ? ` for ${duration(Date.now() - sinceMs)}` : '';
  const first = level === 'good' || level === 'normal' ? text : word;
  return `${paint('bold', job)}  ${paint(STYLES[level], first)}  phase ${phase}${since}`;
}

function problemLines(s: Status, width: number, paint: Paint): string[] {
  const groups = problemGroups(s);
  const lines = groups.slice(0, PROBLEMS_MAX).flatMap(({ first, text }) => {
    return painted(wrapped(text, width), STYLES[levelOf(first.word)], paint);
  });
  const left = groups.length - PROBLEMS_MAX;
  return left > 0 ? [...lines, `and ${left} more (--json shows all)`] : lines;
}

/** Problems that differ in the unit alone are one; pauses and brakes have lines of their own. */
function problemGroups(s: Status): { first: Problem; text: string }[] {
  const all = problemsOf(s).filter(p => p.word !== 'paused' && p.word !== 'throttled');
  const groups = Map.groupBy(all, p => [p.word, p.service, p.why].join('\0'));
  return [...groups.values()].flatMap(group => {
    const [first] = group;
    if (first === undefined) return [];
    const what = group.length > 1 ? `${first.what} and ${group.length - 1} more` : first.what;
    return [{ first, text: problemText({ ...first, what }) }];
  });
}

/** The first line is enough to be seen. */
function painted([first = '', ...rest]: string[], style: Style, paint: Paint): string[] {
  return [paint(style, first), ...rest];
}

function pauseText({ reason, by, sinceMs }: PauseStatus): string {
  const since = `${new Date(sinceMs).toISOString()}, ${duration(Date.now() - sinceMs)}`;
  return `copy paused: ${reason} (by ${by || 'unknown'}, since ${since})`;
}

/** What brakes beside pauses, which have their lines, and what all reasons have cost so far. */
function throttleLines({ throttle }: Status): string[] {
  const brakes = throttle.brakes.filter(b => b.reason !== 'operator').map(brakeText);
  const spent = spentText(throttle);
  return spent === null ? brakes : [...brakes, spent];
}

function body(s: Status, width: number, paint: Paint): string[] {
  const isWell = s.headline.level === 'good' || s.headline.level === 'normal';
  const isStopped = s.throttle.brakes.some(b => b.copy === 'stopped');
  const titled = (columns: Column[], rows: string[][]): string[] => {
    const [title = '', ...lines] = textTable(columns, rows, width);
    return ['', paint('dim', title), ...lines];
  };
  return [
    ...titled(
      TABLE_COLUMNS,
      s.tables.map(t => tableCells(t, isWell, isStopped)),
    ),
    ...titled(SOURCE_COLUMNS, s.sources.map(sourceCells)),
    ...titled(
      TARGET_COLUMNS,
      s.targets.map(t => targetCells(t, paint)),
    ),
    '',
    ...wrapped(`${paint('dim', 'members')}  ${memberCounts(s.members)}`, width),
    ...proofLines(s).flatMap(line => wrapped(line, width)),
  ];
}

/** `100 %` rests on all that carries rows: while something is wrong there, a table is only read. */
function tableCells(t: TableStatus, isWell: boolean, isStopped: boolean): string[] {
  const part = t.total === 0 ? (t.complete ? 1 : 0) : Math.min(1, t.done / t.total);
  const filled = t.complete ? BAR : Math.min(BAR - 1, Math.floor(part * BAR));
  const percent = Math.min(99, Math.floor(part * 100));
  const reread = t.rejectedChunks > 0 ? ` (${count(t.rejectedChunks)} reread)` : '';
  return [
    t.table,
    `${count(t.done)} / ${t.complete ? '' : '~'}${count(t.total)}`,
    '█'.repeat(filled) + '·'.repeat(BAR - filled),
    t.complete ? (isWell ? '100 %' : 'read') : `${percent} %`,
    count(t.rowsPerSecond),
    timeLeft(t, isStopped),
    `${t.rangesDone}/${t.rangesTotal}${reread}`,
  ];
}

function timeLeft({ complete, etaSeconds, waitsForLog }: TableStatus, isStopped: boolean): string {
  if (complete) return '';
  if (waitsForLog.length > 0) return 'waits for the log';
  if (etaSeconds !== null) return duration(etaSeconds * 1000);
  return isStopped ? 'held' : '?';
}

function sourceCells(x: SourceStatus): string[] {
  const place = x.file === '' ? '' : `${x.file}:${x.pos}`;
  return [x.source, lagText(x), count(x.recordsPerSecond), place, String(x.epoch)];
}

function lagText({ lagSeconds }: SourceStatus): string {
  if (lagSeconds === null) return 'unknown';
  return lagSeconds < 60 ? `${lagSeconds.toFixed(1)} s` : duration(lagSeconds * 1000);
}

function targetCells(t: TargetStatus, paint: Paint): string[] {
  const known = (n: number): string => (t.reachable ? count(n) : 'unknown');
  return [
    t.target,
    t.lagRecords === null ? 'unknown' : count(t.lagRecords),
    count(t.rows),
    count(t.rowsPerSecond),
    known(t.parked),
    t.blocked > 0 ? paint('red', count(t.blocked)) : known(t.blocked),
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

/** Everything that matters in one line, for logs and pipes: the phase, the headline, the flow. */
export function renderLine(s: Status): string {
  const parts = [s.phase, lineHeadline(s)];
  if (s.tables.length > 0) {
    const { tables, sources, targets } = s;
    parts.push(tables.map(tableLine).join(', '));
    const eta = etaText(tables);
    if (eta !== '') parts.push(eta);
    parts.push(sources.map(x => `${x.source} lag ${lagText(x)}`).join(', '));
    parts.push(targets.map(targetLine).join(', '));
  }
  for (const p of s.pauses) parts.push(`copy paused: ${p.reason} (by ${p.by || 'unknown'})`);
  for (const b of s.throttle.brakes) {
    if (b.reason !== 'operator') parts.push(`${b.work} ${b.copy} by ${b.reason}: ${b.why}`);
  }
  return [...parts, ...proofParts(s)].join(' | ');
}

function lineHeadline(s: Status): string {
  const [worst, ...others] = problemGroups(s);
  if (worst === undefined) return s.headline.text;
  const text = worst.text.replace(/\s*\n\s*/g, '; ').slice(0, LINE_PROBLEM_MAX);
  const words = others.map(({ first }) => `${first.word} ${first.what}`);
  return [text, ...words.slice(0, PROBLEMS_MAX)].join(', ');
}

function tableLine(t: TableStatus): string {
  return `${t.table} ${count(t.done)}/${count(t.total)} ${count(t.rowsPerSecond)}/s`;
}

/** Of the table that takes longest. */
function etaText(tables: readonly TableStatus[]): string {
  const open = tables.filter(t => !t.complete).map(t => t.etaSeconds);
  if (open.length === 0) return '';
  return open.includes(null) ? 'ETA ?' : `ETA ${duration(Math.max(...open.map(Number)) * 1000)}`;
}

function targetLine(t: TargetStatus): string {
  const behind = t.lagRecords === null ? 'unknown' : count(t.lagRecords);
  const blocked = t.blocked > 0 ? ` blocked keys ${count(t.blocked)}` : '';
  return `${t.target} ${count(t.rowsPerSecond)} rows/s behind ${behind}${blocked}`;
}
