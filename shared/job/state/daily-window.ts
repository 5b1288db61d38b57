/**
 * The hours of a day, UTC, in which something may run: `22:00-06:00` as the number 22000600, which
 * fits among the other limits of the throttle and can be read as it is. The first minute is inside,
 * the last one is not; a window whose end is before its begin goes over midnight.
 */

const HHMM = 10_000;
const DAY_MS = 24 * 3600_000;

/** Null if the text is no window: two times of a day, `HH:MM-HH:MM`, which differ. */
export function parseWindow(text: string): number | null {
  const found = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (found === null) return null;
  const [from, to] = [Number(`${found[1]}${found[2]}`), Number(`${found[3]}${found[4]}`)];
  return from === to ? null : from * HHMM + to;
}

/** As it was written, with its zone. */
export function windowText(window: number): string {
  const time = (hhmm: number): string =>
    `${String(Math.floor(hhmm / 100)).padStart(2, '0')}:${String(hhmm % 100).padStart(2, '0')}`;
  const { from, to } = times(window);
  return `${time(from)}-${time(to)} UTC`;
}

/** When the window opens next; null while it is open. Unix time in ms, as is `nowMs`. */
export function opensAt(window: number, nowMs: number): number | null {
  const { from, to } = times(window);
  const [fromMs, toMs] = [msOf(from), msOf(to)];
  const ofDay = nowMs % DAY_MS;
  const isOpen = fromMs < toMs ? fromMs <= ofDay && ofDay < toMs : fromMs <= ofDay || ofDay < toMs;
  if (isOpen) return null;
  return nowMs - ofDay + fromMs + (ofDay < fromMs ? 0 : DAY_MS);
}

function times(window: number): { from: number; to: number } {
  return { from: Math.floor(window / HHMM), to: window % HHMM };
}

function msOf(hhmm: number): number {
  return (Math.floor(hhmm / 100) * 60 + (hhmm % 100)) * 60_000;
}
