/** Numbers, sizes and durations for people. */

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

export function duration(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
}

/** Of bytes, by thousands: `16 kB`, `1.2 GB`. */
export function size(bytes: number): string {
  let [n, unit] = [bytes, 0];
  while (n >= 999.5 && unit < UNITS.length - 1) [n, unit] = [n / 1000, unit + 1];
  return `${n < 9.95 && unit > 0 ? n.toFixed(1) : count(n)} ${UNITS[unit]}`;
}
