/**
 * Columns of text that fit a width: as wide as what is in them, and where that is too wide, without
 * the columns that matter least. Styles take no room.
 */
import { stripVTControlCharacters } from 'node:util';

const GAP = 2;

export interface Column {
  head: string;
  /** Columns of a lower rank go first when there is no room; those without one stay. */
  rank?: number;
  align?: 'left' | 'right';
}

/** The heads and the rows, a line each. */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const widths = columns.map(({ head }, i) =>
    Math.max(lengthOf(head), ...rows.map(row => lengthOf(row[i] ?? ''))),
  );
  const shown = fitting(columns, widths, width);
  const line = (cells: readonly string[]): string =>
    shown
      .map(i => padded(cells[i] ?? '', widths[i] ?? 0, columns[i]?.align ?? 'left'))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(columns.map(c => c.head)), ...rows.map(line)];
}

/** Indexes of the columns that are shown. */
function fitting(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  let shown = columns.map((_, i) => i);
  const total = (): number =>
    shown.reduce((n, i) => n + (widths[i] ?? 0), 0) + GAP * (shown.length - 1);
  while (total() > width) {
    const ranks = shown.flatMap(i => columns[i]?.rank ?? []);
    if (ranks.length === 0) break;
    const lowest = Math.min(...ranks);
    shown = shown.filter(i => columns[i]?.rank !== lowest);
  }
  return shown;
}

function padded(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return align === 'left' ? text + space : space + text;
}

/** Breaks text at spaces, so that no line is wider; words that are wider stay whole. */
export function wrapped(text: string, width: number): string[] {
  return text.split('\n').flatMap(line => {
    const indent = /^ */.exec(line)?.[0] ?? '';
    const lines: string[] = [];
    let now = indent;
    for (const word of line.trimStart().split(' ')) {
      const isFirst = now.trim() === '';
      if (!isFirst && lengthOf(now) + 1 + lengthOf(word) > width) {
        lines.push(now);
        now = `${indent}  ${word}`;
      } else now += isFirst ? word : ` ${word}`;
    }
    return [...lines, now];
  });
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
