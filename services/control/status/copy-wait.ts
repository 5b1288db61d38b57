/** Tables whose copy stands, as members of the snapshot service report it. */
import type { Report } from '../../../shared/member/reporter.ts';

/** Sources whose copy of the table stands until their logs have come to a change of it. */
export function waitsForLog(
  reports: ReadonlyMap<string, Pick<Report, 'service' | 'unit' | 'detail'>>,
  table: string,
): string[] {
  const sources = [...reports.values()].flatMap(({ service, unit, detail }) => {
    if (service !== 'snapshot') return [];
    const { waiting = [] }: { waiting?: string[] } = JSON.parse(detail);
    return waiting.includes(table) ? [unit] : [];
  });
  return [...new Set(sources)];
}
