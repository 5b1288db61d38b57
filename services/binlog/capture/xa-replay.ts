/**
 * The rows of an XA transaction at its commit: those that were kept when it was prepared, or, where
 * they were too many or another unit has read them, from the binlog once more. Either way they are
 * given one after the other and never held as a whole.
 */
import type { RawEvent } from './binlog-event.ts';
import type { CaptureOptions } from './capture-options.ts';
import { giveEvents } from './payload.ts';
import type { LoggedXa } from './xa.ts';

/** `pos`: where the event ends that commits it; its rows are told to be there. */
export async function replayRows(
  xa: LoggedXa,
  { room, reread }: Pick<CaptureOptions, 'room' | 'reread'>,
  pos: number,
  take: (event: RawEvent) => void,
): Promise<void> {
  const onEvent = (event: RawEvent): void => {
    event.logPos = pos;
    take(event);
  };
  if (xa.events !== null) await giveEvents(xa.events, pos, { onEvent, wait: room });
  else if (xa.gtid !== null) await reread(xa.gtid, { onEvent, wait: room });
}
