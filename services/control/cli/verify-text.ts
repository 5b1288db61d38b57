/** The verdict of a check, for people. */
import type { CheckResult } from '../../../shared/job/state/check-result.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { count, duration } from './status-text.ts';

const SHOWN_MAX = 50;

/** The result, or why there is none. */
export function checkJson({ state, detail, error }: Report): string {
  if (state === 'finished') return detail;
  return JSON.stringify({ error: { kind: 'failed', message: error ?? 'no reason given' } });
}

/** Equal with the figures, or the keys that differ; or why the check ended without a verdict. */
export function renderCheck(report: Report): string {
  if (report.state !== 'finished') return `the check failed: ${report.error ?? 'no reason given'}`;
  const result: CheckResult = JSON.parse(report.detail);
  const lines = result.tables.map(
    t =>
      `${t.table}: ${count(t.rows)} rows in ${count(t.ranges)} ranges, ` +
      `${t.differences.length === 0 ? 'no' : `${t.differences.length}`} differences` +
      `${t.truncated ? ' listed, there may be more' : ''}` +
      `${t.rechecked > 0 ? `, ${count(t.rechecked)} keys looked at again` : ''}`,
  );
  const shown = result.tables.flatMap(t => t.differences).slice(0, SHOWN_MAX);
  for (const d of shown) {
    const key = Object.entries(d.key)
      .map(([column, value]) => `${column}=${value}`)
      .join(', ');
    const places = d.targets.length > 0 ? `on ${d.targets.join(', ')}` : 'on no target';
    const expected = d.expected === null ? 'expected nowhere' : `expected on ${d.expected}`;
    const twice = d.kind === 'duplicate' ? `, in sources ${d.sources.join(' and ')}` : '';
    lines.push(`  ${d.kind}: ${d.table} ${key} (${places}, ${expected}${twice})`);
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
    lines.push(`  unsettled: ${u.table} ${JSON.stringify(u.key)} changed at each look`);
  }
  const took = `${count(result.rows)} rows in ${duration(result.tookMs)}, ${count(result.rowsPerSecond)} rows/s`;
  const verdict = result.equal
    ? 'EQUAL: the targets hold exactly the rows of the sources'
    : result.differences > 0
      ? `DIFFERENT: ${count(result.differences)} keys differ`
      : result.unsettled > 0
        ? `NO VERDICT: ${count(result.unsettled)} keys changed at each look`
        : `NO VERDICT: ${count(result.blocked)} keys are blocked on the targets (reshard status)`;
  return [...lines, `${verdict} (${took})`].join('\n');
}
