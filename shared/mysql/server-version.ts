/** Since which version servers have something. Each flavor counts its versions for itself. */
import type { Flavor } from './session-setting.ts';

/** What a server says of itself: "8.0.36-0ubuntu1", "11.4.2-MariaDB-log". */
export interface ServerVersion {
  flavor: Flavor;
  version: string;
}

/** `since`: the first version that has it, as three numbers; a flavor that is left out never has. */
export function isFrom(
  { flavor, version }: ServerVersion,
  since: Partial<Record<Flavor, `${number}.${number}.${number}`>>,
): boolean {
  const first = since[flavor];
  if (first === undefined) return false;
  const wanted = numbersOf(first);
  const had = numbersOf(version);
  const differs = wanted.findIndex((n, i) => n !== had[i]);
  return differs < 0 || (had[differs] ?? 0) > (wanted[differs] ?? 0);
}

function numbersOf(version: string): number[] {
  return (/(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
}
