/** The page of a check says no more than the check does, and runs nothing that a server wrote. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import type {
  CheckResult,
  Difference,
  TableResult,
} from '../../../shared/job/state/check-result.ts';
import type { RepairRun } from '../../../shared/job/state/repair-run.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import type { ShownResult } from '../command/difference-values.ts';
import { checkPage, openPage } from './verify-page.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'reshard-page-'));
afterAll(() => rmSync(dir, { recursive: true }));

const job = parseJob(
  `
job: move
kafka: { brokers: ["127.0.0.1:9092"] }
registry: { url: "http://127.0.0.1:8081" }
sources: [{ name: s1, host: db1, port: 3306, database: shop, user: u, password: secret }]
targets: [{ name: t1, host: db2, port: 3307, database: shop, user: u, password: secret }]
tables: [{ name: orders }]
route: { kind: modulus, column: id }
`,
  {},
);

const MISSING: Difference = {
  table: 'orders',
  kind: 'missing',
  key: { code: '<script>alert("x")</script>' },
  sources: ['s1'],
  expected: 't1',
  targets: [],
};

function reportOf(over: Partial<ShownResult>, of: Partial<TableResult> = {}): Report {
  const table: TableResult = {
    ...{ table: 'orders', rows: 1234, targetRows: 1233, ranges: 2, rangesDifferent: 1 },
    ...{ rechecked: 3, differences: [], unsettled: [], blocked: 0, truncated: false, ...of },
  };
  const result: CheckResult = {
    ...{ verifyId: 'verify-1', equal: false, tables: [table], rows: 1234, differences: 0 },
    ...{ unsettled: 0, blocked: 0, startedMs: 0, tookMs: 1500, rowsPerSecond: 800 },
    ...{ sourceGtids: { s1: 'a:1-9' }, ...over },
  };
  const from = { service: 'checker', unit: 'verify-1', member: 'm', incarnation: '', tsMs: 0 };
  return {
    ...from,
    ...{ state: 'finished', error: null, counters: {}, detail: JSON.stringify(result) },
  };
}

const headline = (html: string): string => /<h1 class="(\w+)">/.exec(html)?.[1] ?? '';

describe('the page of a check', () => {
  test('tells what was compared, as of which position, when and where', () => {
    const html = checkPage(job, reportOf({ equal: true }));
    expect(headline(html)).toBe('equal');
    for (const said of ['EQUAL', '1,234', 'a:1-9', 'db1:3306/shop', 'db2:3307/shop', '1,233']) {
      expect(html).toContain(said);
    }
    expect(html).toContain('1970-01-01T00:00:01.500Z');
    expect(html).not.toContain('secret');
    expect(html).not.toContain('taken up');
    const kept = [{ table: 'orders', rows: 9, upTo: { id: '<9' } }];
    const resumed = { times: 2, atMs: 500, kept, anew: [] };
    expect(checkPage(job, reportOf({ resumed }))).toContain(
      'taken up 2 times, the last time at 1970-01-01T00:00:00.500Z: ' +
        'compared before: orders up to id=&lt;9 (9 rows)',
    );
  });

  test('tells positions of targets and bytes, and of an older version that there are none', () => {
    const bytes = { sourceBytes: 1_234_567, targetBytes: 16_384 };
    const html = checkPage(job, reportOf({ targetGtids: { t1: 'b:1-3' } }, bytes));
    expect(html).toMatch(/<td>target<\/td><td>t1<\/td>.*<code>b:1-3<\/code>/);
    expect(html).toContain('<td class="n">1.2 MB</td><td class="n">16 kB</td><td class="n">2</td>');
    const older = checkPage(job, reportOf({}));
    expect(older).toMatch(/<td>target<\/td><td>t1<\/td>.*<code>no position<\/code>/);
    expect(older).toContain('<td class="n"></td><td class="n"></td><td class="n">2</td>');
  });

  test('lists keys that differ, as text whatever is in them, and how many it does not list', () => {
    const html = checkPage(
      job,
      reportOf({ differences: 5 }, { differences: [MISSING], truncated: true }),
    );
    expect(headline(html)).toBe('different');
    expect(html).toContain('code=&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    expect(html).toContain('1 or more');
    expect(html).toContain('4 more are not listed');
    expect(html).not.toContain('<script');
  });

  test('calls a table whose unsettled keys are not all listed unsettled', () => {
    const unsettled = [{ table: 'orders', key: { id: '7' } }];
    const html = checkPage(job, reportOf({ unsettled: 2000 }, { unsettled, truncated: true }));
    expect(html).toContain('<td>orders</td><td>unsettled</td>');
  });

  test('tells a scope as what it is, as text whatever is in it', () => {
    const scope = { from: null, to: null, where: "note = '<script>'" };
    const html = checkPage(job, reportOf({ equalInScope: true }, { scope }));
    expect(html).toContain('EQUAL IN THE SCOPE ALONE');
    expect(html).toContain('orders where note = &#39;&lt;script&gt;&#39;; nothing else');
    expect(html).not.toContain('in full');
  });

  test('shows values only if they were read, as text whatever is in them', () => {
    const evil = '<img onerror="x">';
    const value = { text: `'${evil}'`, bytes: 17, isCut: false };
    const columns = [{ column: evil, source: value, target: null }];
    const values = [{ source: 's1', target: null, columns, more: 0 }];
    const differences = [{ ...MISSING, values }];
    const masked = checkPage(job, reportOf({ differences: 1 }, { differences: [MISSING] }));
    expect(masked).toContain('Values are masked');
    const over = { differences: 1, valuesMs: 0 };
    const html = checkPage(job, reportOf(over, { differences }));
    expect(html).toContain('&#39;&lt;img onerror=&quot;x&quot;&gt;&#39; (s1)');
    expect(html).toContain('<td>no row</td>');
    expect(html).not.toContain('<img');
    const failed = checkPage(job, reportOf({ ...over, valuesError: 'a < b' }, { differences }));
    expect(failed).toContain('not read, a &lt; b');
  });

  test('tells what was before: checks, repairs, writes of others, and where keys differed', () => {
    const evil = '</title><script>1</script>';
    const check = (startedMs: number, differences: Difference[]): CheckResult => ({
      ...JSON.parse(
        reportOf({ startedMs, differences: differences.length }, { differences }).detail,
      ),
    });
    const run: RepairRun = {
      ...{ id: `repair-${evil}`, stage: 'done', tables: ['orders'], pass: 0, round: 0 },
      ...{ check: null, keys: 1, rows: 1, deleted: 0, newer: 0, startedMs: 2000, stageMs: 3000 },
      error: null,
    };
    const at = { table: 'orders', target: 't1', gtid: 'a:7', atMs: 5000 };
    const html = checkPage(job, reportOf({ equal: true }), {
      checks: [check(0, [{ ...MISSING, key: { code: evil } }]), check(4000, [])],
      runs: [run],
      foreign: [{ ...at, op: 'update', key: evil }],
    });
    expect(html).not.toContain('<script');
    expect(html.match(/<circle class="gone"/g)).toHaveLength(1);
    for (const said of ['Repairs', 'Writes of others on targets', 'a:7', 'class="run"', '<svg']) {
      expect(html).toContain(said);
    }
    expect(html).not.toMatch(/\b(?:src|href|url)\b|@import/);
  });

  test('loads nothing', () => {
    expect(checkPage(job, reportOf({ differences: 1 }))).not.toMatch(
      /\b(?:src|href|url)\b|@import/,
    );
  });

  test.each([
    ['keys that changed at each probe', reportOf({ unsettled: 1 }), 'NO VERDICT'],
    ['blocked keys', reportOf({ blocked: 2 }, { blocked: 2 }), 'NO VERDICT'],
    ['a check that failed', { ...reportOf({}), state: 'failed', error: 'a < b' }, 'a &lt; b'],
    ['a command that ended before', null, 'no verdict'],
  ])('%s is no verdict', (_, report, said) => {
    const html = checkPage(job, report);
    expect(headline(html)).toBe('doubt');
    expect(html).toContain(said);
    expect(html).not.toContain('EQUAL');
  });
});

describe('its file', () => {
  test('says that there is no verdict until there is one', async () => {
    const file = path.join(dir, 'page.html');
    await using page = await openPage(file);
    expect(readFileSync(file, 'utf8')).toContain('No verdict');
    await page.write(job, reportOf({ equal: true }));
    const html = readFileSync(file, 'utf8');
    expect(html).toBe(checkPage(job, reportOf({ equal: true })));
  });

  test('replaces nothing, and is refused before the check when it cannot be written', async () => {
    const file = path.join(dir, 'there.html');
    writeFileSync(file, 'the one of yesterday');
    await expect(openPage(file)).rejects.toThrow(/cannot be written/);
    expect(readFileSync(file, 'utf8')).toBe('the one of yesterday');
    await expect(openPage(path.join(dir, 'none', 'x.html'))).rejects.toThrow(/cannot be written/);
  });
});
