/**
 * The verdict of a check as one HTML page that can be filed: no script, nothing that is loaded, and
 * every text of a server escaped. It says what the terminal says and lists what the terminal cuts.
 * Keys of rows are on it, other values only where they were asked for (`--values`).
 *
 * The file is made before the check is asked for: an hour of reading must not end at a folder that
 * is not there. It never replaces one, and one without a verdict says so.
 */
import { open } from 'node:fs/promises';
import type { Job } from '../../../shared/job/job.ts';
import type {
  CheckResult,
  Difference,
  TableResult,
} from '../../../shared/job/state/check-result.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { describeError, ReshardError } from '../../../shared/runtime/error.ts';
import type { ShownResult } from '../command/difference-values.ts';
import type { RowValues, ShownDifference } from '../repair/row-values.ts';
import type { ShownValue } from '../repair/shown-value.ts';
import { code, escaped, head, number, table, text } from './html.ts';
import { count, duration, size } from './number-text.ts';
import { NOTHING, type PagePast, pastOf } from './page-past.ts';
import {
  differencesOf,
  keyText,
  resumedText,
  scopesOf,
  valueText,
  verdictOf,
} from './verify-text.ts';

/** What of the job is on the page. */
export type PageJob = Pick<Job, 'job' | 'sources' | 'targets'>;

export interface PageFile extends AsyncDisposable {
  /** Null: the command did not see the end of the check. */
  write(job: PageJob, report: Report | null, past?: PagePast): Promise<void>;
}

export async function openPage(file: string): Promise<PageFile> {
  const handle = await open(file, 'wx').catch(cause => {
    throw new ReshardError('config', `the page cannot be written: ${describeError(cause)}`, {
      cause,
      remedy: '--html <file> names a file that is not there yet, in a folder that is',
    });
  });
  await handle.writeFile(page('No verdict', 'doubt', '<p>The check has not ended.</p>'));
  return {
    async write(job, report, past) {
      await handle.truncate(0);
      await handle.write(checkPage(job, report, past), 0);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; padding: .6rem 1rem; border-left: .5rem solid; }
.equal { border-color: #2a7d3f; }
.different { border-color: #c0392b; }
.doubt { border-color: #b7791f; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #8886; }
th, td { text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
code { overflow-wrap: anywhere; }
svg { display: block; max-width: 100%; height: auto; font: 11px system-ui, sans-serif; }
svg text { fill: currentColor; }
svg .axis { stroke: #8888; }
svg .run { stroke: #b7791f; stroke-dasharray: 4 3; }
svg .open { stroke: #c0392b; fill: #c0392b; }
svg .gone { stroke: #2a7d3f; fill: #2a7d3f; }
@media print { body { margin: 0; max-width: none; } }`;

type Tone = 'equal' | 'different' | 'doubt';

export function checkPage(job: PageJob, report: Report | null, past: PagePast = NOTHING): string {
  const title = `Check of ${job.job}`;
  if (report === null) {
    const why = '<p>The command that was to write this page ended before the check did.</p>';
    return page(`${title}: no verdict`, 'doubt', why);
  }
  if (report.state !== 'finished') {
    const why = `<p>${escaped(report.error ?? 'no reason given')}</p>`;
    return page(`${title}: the check failed`, 'doubt', why);
  }
  const result: ShownResult = JSON.parse(report.detail);
  const tone =
    result.equal || result.equalInScope ? 'equal' : result.differences > 0 ? 'different' : 'doubt';
  return page(`${title}: ${verdictOf(result)}`, tone, bodyOf(job, result, past));
}

function bodyOf(job: PageJob, r: ShownResult, past: PagePast): string {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const facts = [
    ['Check', r.verifyId],
    ['Compared', `${scopesOf(r).join(', ')}; nothing else`],
    ['From', iso(r.startedMs)],
    ['To', `${iso(r.startedMs + r.tookMs)} (${duration(r.tookMs)})`],
    ['Rate', `${count(r.rowsPerSecond)} rows/s`],
    ...(r.resumed ? [['Checkers', resumedText(r.resumed)]] : []),
  ].map(([name = '', value = '']) => [head(name), text(value)]);
  const servers = [
    ...job.sources.map(s => ['source', s.name, place(s), r.sourceGtids[s.name] ?? 'no position']),
    ...job.targets.map(t => ['target', t.name, place(t), positionOf(r, t.name)]),
  ].map(([side = '', name = '', where = '', gtid = '']) => [
    text(side),
    text(name),
    text(where),
    code(gtid),
  ]);
  return [
    table([], facts),
    '<h2>Servers</h2><p>Every row was compared as of these positions or later.</p>',
    table(['', 'Name', 'Database', 'Position'], servers),
    '<h2>Tables</h2>',
    table(TABLE_HEADS, r.tables.map(tableRow)),
    '<p>Bytes are those of all rows of a table by the statistics of its servers, which are rough.</p>',
    ...differenceTables(r),
    ...unsettledOf(r),
    ...pastOf(past),
  ].join('\n');
}

const TABLE_HEADS = [
  ...['Table', 'Verdict', 'Rows of sources', 'Rows of targets', 'Bytes of sources'],
  ...['Bytes of targets', 'Ranges', 'Keys rechecked', 'Differences listed', 'Unsettled', 'Blocked'],
];

function tableRow(t: TableResult): string[] {
  const found = t.truncated ? `${count(t.differences.length)} or more` : `${t.differences.length}`;
  const numbers = (list: readonly number[]): string[] => list.map(n => number(count(n)));
  return [
    text(t.table),
    text(wordOf(t)),
    ...numbers([t.rows, t.targetRows]),
    ...[t.sourceBytes, t.targetBytes].map(n => number(n === undefined ? '' : size(n))),
    ...numbers([t.ranges, t.rechecked]),
    ...[number(found), number(count(t.unsettled.length)), number(count(t.blocked))],
  ];
}

/** A list that was cut has a key of its kind all the same. */
function wordOf(t: TableResult): string {
  if (t.differences.length > 0) return 'different';
  if (t.unsettled.length > 0) return 'unsettled';
  return t.blocked > 0 ? 'blocked' : 'equal';
}

function differenceTables(r: ShownResult): string[] {
  const listed = differencesOf(r);
  if (r.differences === 0 && listed.length === 0) return [];
  const more = r.differences - listed.length;
  const rest = more > 0 ? `<p>${count(more)} more are not listed.</p>` : '';
  const heads = ['Table', 'Kind', 'Key', 'In sources', 'Belongs on', 'Is on', 'Columns'];
  const rows = table(heads, listed.map(differenceRow));
  return ['<h2>Differences</h2>', rows, rest, ...valuesOf(r, listed)];
}

function valuesOf(r: ShownResult, listed: readonly ShownDifference[]): string[] {
  if (r.valuesError !== undefined) return [`<p>Values: not read, ${escaped(r.valuesError)}</p>`];
  if (r.valuesMs === undefined)
    return ['<p>Values are masked; <code>--values</code> shows them.</p>'];
  const heads = ['Table', 'Key', 'Column', 'On the source', 'On the target'];
  const rows = listed.flatMap(d => (d.values ?? []).flatMap(v => valueRows(d, v)));
  const when = `Read at ${new Date(r.valuesMs).toISOString()}, behind the verdict.`;
  return ['<h2>Values</h2>', `<p>${when}</p>`, table(heads, rows)];
}

function valueRows(d: ShownDifference, { source, target, columns, more }: RowValues): string[][] {
  const at = [text(d.table), code(keyText(d.key))];
  const side = (value: ShownValue | null, server: string | null): string =>
    value === null ? text('no row') : code(`${valueText(value)} (${server ?? ''})`);
  const rows = columns.map(c => [
    ...at,
    text(c.column),
    ...[side(c.source, source), side(c.target, target)],
  ]);
  if (more > 0) rows.push([...at, text(`and ${count(more)} more`), text(''), text('')]);
  return columns.length > 0 ? rows : [[...at, text('equal by now'), text(''), text('')]];
}

function differenceRow(d: Difference): string[] {
  const [from, on] = [d.sources.join(', ') || 'none', d.targets.join(', ') || 'none'];
  return [
    text(d.table),
    text(d.kind),
    code(keyText(d.key)),
    ...[from, d.expected ?? 'none', on, (d.columns ?? []).join(', ')].map(text),
  ];
}

function unsettledOf(r: CheckResult): string[] {
  const keys = r.tables.flatMap(t => t.unsettled);
  if (keys.length === 0) return [];
  const rows = keys.map(u => [text(u.table), code(keyText(u.key))]);
  return ['<h2>Keys that changed at each probe</h2>', table(['Table', 'Key'], rows)];
}

function positionOf({ targetGtids = {} }: CheckResult, target: string): string {
  return targetGtids[target] || 'no position';
}

function place(s: { host: string; port: number; database: string }): string {
  return `${s.host}:${s.port}/${s.database}`;
}

function page(title: string, tone: Tone, body: string): string {
  const said = escaped(title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${said}</title>
<style>${STYLE}</style>
</head>
<body>
<h1 class="${tone}">${said}</h1>
${body}
</body>
</html>
`;
}
