/** What a demo has shown, for people and as JSON. */
import type { Status } from '../../services/control/status/status.ts';
import type { LoadStats } from '../support/load/load.ts';
import type { OracleVerdict } from '../support/oracle.ts';
import { count, seconds } from './narrator.ts';

export type Summary = {
  seed: number;
  /** Rows read by the snapshot, and how long the copy took from the start of the job. */
  rowsCopied: number;
  copyMs: number;
  rowsPerSecond: number;
  chunksReread: number;
  /** Records in the log: snapshot rows and changes. */
  records: number;
  loadWork: number;
  loadRowsChanged: number;
  drainMs: number;
  verifyMs: number;
  oracleMs: number;
  totalMs: number;
  verified: boolean;
  oracle: OracleVerdict;
  equal: boolean;
};

export function copyFigures(
  status: Status,
  copyMs: number,
): Pick<Summary, 'rowsCopied' | 'copyMs' | 'rowsPerSecond' | 'chunksReread'> {
  const rowsCopied = status.tables.reduce((sum, t) => sum + t.done, 0);
  const chunksReread = status.tables.reduce((sum, t) => sum + t.rejectedChunks, 0);
  return { rowsCopied, copyMs, rowsPerSecond: (rowsCopied * 1000) / copyMs, chunksReread };
}

export function loadText(stats: readonly LoadStats[]): string[] {
  const total = (outcome?: Parameters<LoadStats['total']>[0]): number =>
    stats.reduce((sum, s) => sum + s.total(outcome), 0);
  const rows = stats.reduce((sum, s) => sum + s.rows, 0);
  const expected = `${count(total('duplicate'))} duplicate keys, ${count(total('deadlock'))} deadlocks`;
  const kinds = new Set(stats.flatMap(s => [...s.byKind.keys()])).size;
  return [
    `${count(total())} pieces of work of ${kinds} kinds, ${count(rows)} rows changed`,
    `${expected}, ${count(total('missed'))} that met no row: they belong to it`,
  ];
}

export function summaryText(s: Summary): string {
  const oracleRows = s.oracle.tables.reduce((sum, t) => sum + t.sourceRows, 0);
  const lines = [
    `copied        ${count(s.rowsCopied)} rows in ${seconds(s.copyMs)}, ${count(s.rowsPerSecond)} rows/s, under load`,
    `log           ${count(s.records)} records (snapshot rows and changes), ${s.chunksReread} chunks read again`,
    `load          ${count(s.loadWork)} pieces of work, ${count(s.loadRowsChanged)} rows changed meanwhile`,
    `drained       ${seconds(s.drainMs)} after the load had stopped`,
    `checker       ${s.verified ? 'all ranges equal' : 'DIFFERENCES'}, ${seconds(s.verifyMs)}`,
    `oracle        ${count(oracleRows)} rows dumped and compared, ${seconds(s.oracleMs)}`,
    ...s.oracle.tables.map(
      t =>
        `  ${t.table.padEnd(12)}source ${count(t.sourceRows)}, targets ${count(t.targetRows)}, ` +
        `${t.differenceCount === 0 ? 'equal' : `${count(t.differenceCount)} DIFFERENT`}`,
    ),
    ...s.oracle.tables.flatMap(t =>
      t.differences.slice(0, 50).map(d => `  ${t.table} ${d.key}: ${d.kind}`),
    ),
    `total         ${seconds(s.totalMs)}, seed ${s.seed}`,
    s.equal ? 'EQUAL: every row of the source is on its target, and nothing else.' : 'NOT EQUAL',
  ];
  return lines.join('\n');
}
