/**
 * The verdict of a check as one HTML page that can be filed: no script, nothing that is loaded, and
 * every text of a server escaped. It says what the terminal says and lists what the terminal cuts.
 * Keys of rows are on it, other values are not.
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
import { count, duration } from './number-text.ts';
import { filled } from './output.ts';
import { keyText, scopesOf, verdictOf } from './verify-text.ts';

/** What of the job is on the page. */
export type PageJob = Pick<Job, 'job' | 'sources' | 'targets'>;

export interface PageFile extends AsyncDisposable {
  /** Null: the command did not see the end of the check. */
  write(job: PageJob, report: Report | null): Promise<void>;
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
    async write(job, report) {
      await handle.truncate(0);
      await handle.write(checkPage(job, report), 0);
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
@media print { body { margin: 0; max-width: none; } }`;

type Tone = 'equal' | 'different' | 'doubt';

export function checkPage(job: PageJob, report: Report | null): string {
  const title = `Check of ${job.job}`;
  if (report === null) {
    const why = '<p>The command that was to write this page ended before the check did.</p>';
    return page(`${title}: no verdict`, 'doubt', why);
  }
  if (report.state !== 'finished') {
    const why = `<p>${escaped(report.error ?? 'no reason given')}</p>`;
    return page(`${title}: the check failed`, 'doubt', why);
  }
  const result: CheckResult = JSON.parse(report.detail);
  const tone =
    result.equal || result.equalInScope ? 'equal' : result.differences > 0 ? 'different' : 'doubt';
  return page(`${title}: ${verdictOf(result)}`, tone, bodyOf(job, result));
}

function bodyOf(job: PageJob, r: CheckResult): string {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const facts = [
    ['Check', r.verifyId],
    ['Compared', `${scopesOf(r).join(', ')}; nothing else`],
    ['From', iso(r.startedMs)],
    ['To', `${iso(r.startedMs + r.tookMs)} (${duration(r.tookMs)})`],
    ['Rate', `${count(r.rowsPerSecond)} rows/s`],
  ].map(([name = '', value = '']) => [head(name), text(value)]);
  const servers = [
    ...job.sources.map(s => ['source', s.name, place(s), r.sourceGtids[s.name] ?? 'no position']),
    ...job.targets.map(t => ['target', t.name, place(t), '']),
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
    ...differencesOf(r),
    ...unsettledOf(r),
  ].join('\n');
}

const TABLE_HEADS = [
  ...['Table', 'Verdict', 'Rows of sources', 'Rows of targets', 'Ranges', 'Keys rechecked'],
  ...['Differences listed', 'Unsettled', 'Blocked'],
];

function tableRow(t: TableResult): string[] {
  const found = t.truncated ? `${count(t.differences.length)} or more` : `${t.differences.length}`;
  const numbers = [t.rows, t.targetRows, t.ranges, t.rechecked].map(n => number(count(n)));
  return [
    text(t.table),
    text(wordOf(t)),
    ...numbers,
    ...[number(found), number(count(t.unsettled.length)), number(count(t.blocked))],
  ];
}

/** A list that was cut has a key of its kind all the same. */
function wordOf(t: TableResult): string {
  if (t.differences.length > 0) return 'different';
  if (t.unsettled.length > 0) return 'unsettled';
  return t.blocked > 0 ? 'blocked' : 'equal';
}

function differencesOf(r: CheckResult): string[] {
  const listed = r.tables.flatMap(t => t.differences);
  if (r.differences === 0 && listed.length === 0) return [];
  const more = r.differences - listed.length;
  const rest = more > 0 ? `<p>${count(more)} more are not listed.</p>` : '';
  const heads = ['Table', 'Kind', 'Key', 'In sources', 'Belongs on', 'Is on', 'Columns'];
  return ['<h2>Differences</h2>', table(heads, listed.map(differenceRow)), rest];
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

function place(s: { host: string; port: number; database: string }): string {
  return `${s.host}:${s.port}/${s.database}`;
}

const text = (s: string): string => `<td>${escaped(s)}</td>`;
const number = (s: string): string => `<td class="n">${escaped(s)}</td>`;
const code = (s: string): string => `<td><code>${escaped(s)}</code></td>`;
const head = (s: string): string => `<th>${escaped(s)}</th>`;

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const first = heads.length === 0 ? '' : `<tr>${heads.map(head).join('')}</tr>\n`;
  return `<table>\n${first}${rows.map(cells => `<tr>${cells.join('')}</tr>`).join('\n')}\n</table>`;
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

function escaped(s: string): string {
  return filled(s)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
