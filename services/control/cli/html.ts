/** Pieces of a page; every text is escaped here and nowhere else. */
import { filled } from './output.ts';

export const text = (s: string): string => `<td>${escaped(s)}</td>`;
export const number = (s: string): string => `<td class="n">${escaped(s)}</td>`;
export const code = (s: string): string => `<td><code>${escaped(s)}</code></td>`;
export const head = (s: string): string => `<th>${escaped(s)}</th>`;

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const first = heads.length === 0 ? '' : `<tr>${heads.map(head).join('')}</tr>\n`;
  return `<table>\n${first}${rows.map(cells => `<tr>${cells.join('')}</tr>`).join('\n')}\n</table>`;
}

export function escaped(s: string): string {
  return filled(s)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
