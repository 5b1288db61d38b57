/**
 * What a service tells `reshard up`, which has started it: that its code is loaded, so that
 * another's can be, and that it has joined the job. The channel itself tells each that the other is
 * gone.
 */
export type ChildMessage = 'loaded' | 'joined';

/** Does nothing in a service that was started by itself. */
export function tellParent(message: ChildMessage): void {
  if (process.connected) process.send?.(message);
}

/** Aborted when the parent has ended, however that happened. */
export function parentGone(): AbortSignal {
  const gone = new AbortController();
  if (process.connected) process.once('disconnect', () => gone.abort());
  return gone.signal;
}
