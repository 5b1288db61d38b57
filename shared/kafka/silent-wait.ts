/**
 * How long a fetch may wait for records. Brokers answer as soon as there is something, so a log
 * that is silent is asked less often: an answer without anything costs both sides as much as any
 * other. A partition that is added meanwhile is asked for with the next request: a second later at
 * most.
 */

/** Behind so many answers without records the wait doubles. */
const ANSWERS = 4;
const SHARE_MAX = 4;

/** `silentAnswers`: in a row, so far. */
export function silentWaitMs(waitMs: number, silentAnswers: number): number {
  return waitMs * Math.min(SHARE_MAX, 2 ** Math.floor(silentAnswers / ANSWERS));
}
