/** The tables of docs/CHECKS.md: what each damage is told as, by the lists that the tests go by. */
import type { Damage, Told } from './damage.ts';
import { DRIFTS } from './drift.ts';
import { ROW_DAMAGES } from './rows.ts';
import { VALUE_DAMAGES } from './values.ts';

/** Cells of a row: the damage, what a check says of it, and what the streaming check does. */
type Row = [what: string, told: string, streamed?: string];

/** In the order of the page, by the heading that they stand under. */
export function damageTables(): { heading: string; rows: Row[] }[] {
  const rows = (list: readonly Damage[]): Row[] =>
    list.map(damage => [damage.what, toldAs(damage.told), streamedAs(damage)]);
  return [
    { heading: 'One value of a row', rows: rows(VALUE_DAMAGES) },
    { heading: 'Rows', rows: rows(ROW_DAMAGES) },
    {
      heading: 'Schemas of targets',
      rows: DRIFTS.map(({ what, told }): Row => [what, toldAs(told)]),
    },
  ];
}

/** As detection.live.test.ts waits for it. */
function streamedAs({ isStatement, isUnlogged, isRun, undone }: Damage): string {
  if (isUnlogged) return 'nothing: in no log';
  if (undone !== undefined) return 'foreign write';
  if (isStatement) return 'doubt: the log stands';
  return isRun ? 'doubt, some keys' : 'doubt, key';
}

function toldAs(told: RegExp | readonly Told[]): string {
  if (told instanceof RegExp) return 'the check fails and names it';
  if (told.length === 0) return 'no difference';
  const counts = new Map<string, number>();
  for (const { kind } of told) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, n]) => (n === 1 ? kind : `${n} ${kind}`)).join(', ');
}
