/** `reshard route`: where rows go, and how even it is. */
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { explainRoutes, type TableSpread } from '../command/explain-route.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { count } from './number-text.ts';
import { print, printJson } from './output.ts';
import { textTable } from './text-table.ts';

const BAR_WIDTH = 30;
const SAMPLE_MAX = 10_000_000;

export interface RouteCommandOptions {
  table?: string;
  row?: string;
  sample: string;
  json?: boolean;
}

export async function routeCommand(file: string, o: RouteCommandOptions): Promise<number> {
  const job = await readJob(file);
  const sampleRows = Number(o.sample);
  if (!(Number.isInteger(sampleRows) && sampleRows >= 2 && sampleRows <= SAMPLE_MAX)) {
    throw new ReshardError('config', `--sample ${o.sample} is no number of rows`, {
      remedy: `a number from 2 to ${count(SAMPLE_MAX)}`,
    });
  }
  const spreads = await explainRoutes(job, {
    log: createLogger({ name: 'reshard-route', level: 'warn' }),
    sampleRows,
    ...(o.table === undefined ? {} : { table: o.table }),
    ...(o.row === undefined ? {} : { where: o.row }),
  });
  const width = process.stdout.columns ?? 100;
  if (o.json) printJson({ tables: spreads }, 2);
  else print(`${spreads.map(s => describeSpread(s, width)).join('\n\n')}\n`);
  return spreads.some(s => s.nowhere > 0) ? EXIT.failed : EXIT.ok;
}

export function describeSpread(spread: TableSpread, width: number): string {
  const { table, route, rows, isSample, targets, nowhere, staying, unrouted } = spread;
  const seen = isSample
    ? `a sample of ${count(rows)} rows, from both ends of the key`
    : count(rows);
  const head = `${table}: ${route} (${isSample ? seen : `${seen} rows`})`;
  const most = Math.max(1, staying ?? 0, unrouted ?? 0, ...targets.map(t => t.rows));
  const columns = [
    { head: '  target' },
    { head: 'rows', align: 'right' as const },
    { head: 'share', align: 'right' as const },
    { head: '', rank: 1 },
  ];
  const stay = staying === null ? [] : [{ target: '(where they are)', rows: staying }];
  const none = unrouted ? [{ target: '(no target)', rows: unrouted }] : [];
  const lines = [...stay, ...targets, ...none].map(t => [
    `  ${t.target}`,
    count(t.rows),
    rows === 0 ? '-' : `${((100 * t.rows) / rows).toFixed(1)} %`,
    '#'.repeat(Math.round((BAR_WIDTH * t.rows) / most)),
  ]);
  const lost =
    nowhere > 0 ? [`  ${count(nowhere)} rows have no target: such rows halt the job`] : [];
  return [...lost, head, ...textTable(columns, lines, width)].join('\n');
}
