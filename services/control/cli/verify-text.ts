/** The verdict of a check, for people. */
import type { CheckResult, TableResult } from '../../../shared/job/state/check-result.ts';
import { scopeText } from '../../../shared/job/state/check-scope.ts';
import { type Resumption, resumptionText } from '../../../shared/job/state/checkpoint.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import type { ShownResult } from '../command/difference-values.ts';
import type { RowValues, ShownDifference } from '../repair/row-values.ts';
import type { ShownValue } from '../repair/shown-value.ts';
import { count, duration, size } from './number-text.ts';

const SHOWN_MAX = 50;
const COLUMNS_SHOWN_MAX = 10;
/** The whole set is in the JSON. */
const GTID_SHOWN_MAX = 200;

/** The result, or why there is none. */
export function checkJson({ state, detail, error }: Report): string {
  if (state === 'finished') return detail;
  return JSON.stringify({ error: { kind: 'failed', message: error ?? 'no reason given' } });
}

/** Equal with the figures, or the keys that differ; or why the check ended without a verdict. */
export function renderCheck(report: Report): string {
  if (report.state !== 'finished') return `the check failed: ${report.error ?? 'no reason given'}`;
  const result: ShownResult = JSON.parse(report.detail);
  const lines = result.tables.map(
    t =>
      `${t.table}: ${count(t.rows)} rows${bytesText(t)} in ${count(t.ranges)} ranges, ` +
      `${t.differences.length === 0 ? 'no' : `${t.differences.length}`} differences` +
      `${t.truncated ? ' listed, there may be more' : ''}` +
      `${t.rechecked > 0 ? `, ${count(t.rechecked)} keys rechecked` : ''}`,
  );
  const shown = differencesOf(result).slice(0, SHOWN_MAX);
  for (const d of shown) {
    const places = d.targets.length > 0 ? `on ${d.targets.join(', ')}` : 'on no target';
    const expected = d.expected === null ? 'expected nowhere' : `expected on ${d.expected}`;
    const twice = d.kind === 'duplicate' ? `, in sources ${d.sources.join(' and ')}` : '';
    const differ = d.columns === undefined ? '' : `, in ${columnsText(d.columns)}`;
    lines.push(
      `  ${d.kind}: ${d.table} ${keyText(d.key)} (${places}, ${expected}${twice}${differ})`,
      ...(d.values ?? []).flatMap(valueLines),
    );
  }
  if (shown.some(d => d.kind === 'duplicate')) {
    lines.push(
      '  duplicate keys: a target holds one row of a key, so one source overwrites the other there;',
      '  give the rows different keys on the sources (no repair can decide which one is right)',
    );
  }
  if (result.differences > shown.length) {
    lines.push(`  and ${count(result.differences - shown.length)} more`);
  }
  for (const u of result.tables.flatMap(t => t.unsettled).slice(0, SHOWN_MAX)) {
    lines.push(`  unsettled: ${u.table} ${JSON.stringify(u.key)} changed at each probe`);
  }
  if (result.resumed) lines.push(resumedText(result.resumed));
  if (result.valuesError !== undefined) lines.push(`  values: not read, ${result.valuesError}`);
  return [...lines, `${verdictOf(result)}; ${extentOf(result)}`].join('\n');
}

/** So that nobody wonders about the time that it took, and the age of what it says. */
export function resumedText(resumed: Resumption): string {
  const { times, atMs } = resumed;
  const often = times === 1 ? 'taken up once,' : `taken up ${count(times)} times, the last time`;
  return `${times === 0 ? 'begun anew' : often} at ${new Date(atMs).toISOString()}: ${resumptionText(resumed)}`;
}

/** By the servers' own statistics, which says so: they are rough. */
function bytesText({ sourceBytes }: TableResult): string {
  return sourceBytes === undefined ? '' : ` (about ${size(sourceBytes)})`;
}

export function differencesOf({ tables }: ShownResult): ShownDifference[] {
  return tables.flatMap((t): ShownDifference[] => t.differences);
}

/** A line for each column, as it is on the source and on the target. */
function valueLines({ source, target, columns, more }: RowValues): string[] {
  if (columns.length === 0) return [`    equal by now on ${source ?? ''} and ${target ?? ''}`];
  const lines = columns.map(c => {
    const there = c.target === null ? 'no row' : `${valueText(c.target)} on ${target ?? ''}`;
    const here = c.source === null ? 'no row' : `${valueText(c.source)} on ${source ?? ''}`;
    return `    ${c.column}: ${here}; ${there}`;
  });
  return more > 0 ? [...lines, `    and ${count(more)} more columns`] : lines;
}

/** Of a value that is not shown as a whole, how long it is, and a hash. */
export function valueText({ text, bytes, isCut, hash }: ShownValue): string {
  if (text === null) return 'NULL';
  const shown = isCut ? `${text}...` : text;
  return hash === undefined ? shown : `${shown} (${count(bytes)} bytes, sha256 ${hash})`;
}

/** Key columns with their values, as people write them. */
export function keyText(key: Record<string, string>): string {
  return Object.entries(key)
    .map(([column, value]) => `${column}=${value}`)
    .join(', ');
}

/** As many names as a line holds; the check itself lists no more than some. */
function columnsText(columns: readonly string[]): string {
  const shown = columns.slice(0, COLUMNS_SHOWN_MAX).join(', ');
  return columns.length > COLUMNS_SHOWN_MAX ? `${shown} and more` : shown;
}

/** The headline: the worst thing that is true. */
export function verdictOf(r: CheckResult): string {
  const names = r.tables.map(t => t.table).join(', ');
  if (r.equalInScope === true) return scopeVerdict(r);
  if (r.equal) return `EQUAL: sources and targets hold the same ${count(r.rows)} rows of ${names}`;
  if (r.differences > 0) {
    const isMore = r.tables.some(t => t.truncated);
    return `DIFFERENT: ${count(r.differences)} keys${isMore ? ' or more' : ''} of ${names} differ`;
  }
  const parts = r.tables.filter(t => t.after).map(t => t.table);
  if (parts.length > 0) return `NO VERDICT: a part of ${parts.join(', ')} was compared`;
  if (r.unsettled > 0) return `NO VERDICT: ${count(r.unsettled)} keys changed at each probe`;
  return `NO VERDICT: ${count(r.blocked)} keys are blocked on the targets (\`reshard status <job file>\`)`;
}

/** Never a word that could be read as one of the whole table. */
function scopeVerdict({ tables, rows }: CheckResult): string {
  const names = tables.map(t => t.table).join(', ');
  const isEmpty = rows === 0 && tables.every(t => t.targetRows === 0);
  const held = isEmpty ? 'no row of either side is in it' : `the same ${count(rows)} rows`;
  return `EQUAL IN THE SCOPE ALONE: ${held}; the rest of ${names} was not compared`;
}

/** What of each table was compared. */
export function scopesOf(r: CheckResult): string[] {
  const whole = r.tables.filter(t => !t.after && !t.scope).map(t => t.table);
  const parts = r.tables.flatMap(t => {
    if (t.scope) return `${t.table} ${scopeText(t.scope)}`;
    return t.after ? `${t.table} behind ${keyText(t.after)}` : [];
  });
  return [...(whole.length > 0 ? [`${whole.join(', ')} in full`] : []), ...parts];
}

/** How far the verdict reaches: what was compared, as of which position, when. Not a word more. */
function extentOf(r: CheckResult): string {
  const ranges = r.tables.reduce((n, t) => n + t.ranges, 0);
  const positions = Object.entries({ ...r.sourceGtids, ...r.targetGtids }).map(
    ([name, gtid]) => `${name} ${short(gtid) || 'no position'}`,
  );
  const from = new Date(r.startedMs).toISOString();
  const to = new Date(r.startedMs + r.tookMs).toISOString();
  return (
    `compared: ${scopesOf(r).join(', ')} (${count(ranges)} ranges, ` +
    `${count(r.rows)} rows), as of ${positions.join(', ') || 'no position'} or later, ` +
    `from ${from} to ${to} (${duration(r.tookMs)}, ${count(r.rowsPerSecond)} rows/s)`
  );
}

function short(gtid: string): string {
  return gtid.length <= GTID_SHOWN_MAX ? gtid : `${gtid.slice(0, GTID_SHOWN_MAX)}...`;
}
