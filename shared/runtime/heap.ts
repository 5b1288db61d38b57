/** How the collector of a service treats the data that passes through it. */
import v8 from 'node:v8';

/** The V8 that knows the flags; another one would complain about them on standard error. */
const KNOWN = /^13\./;

/**
 * Buffers lie outside of the heap, and V8 13 starts a full collection after each 64 MB of them,
 * however small the heap is: a member that streams data marks its whole heap several times a
 * second, which took a quarter of the CPU of the sink. Counted into the limit of the heap as a
 * whole they are freed by the short collections, and memory does not grow.
 */
export function countBuffersInHeap(): void {
  if (!KNOWN.test(process.versions.v8)) return;
  v8.setFlagsFromString('--external-memory-accounted-in-global-limit');
}

/**
 * Keeps what was allocated last in as little memory as it is in now, a few megabytes, and collects
 * it more often instead. V8 lets it grow to 64 MB and more by and by, while a member does the same
 * work all the time: of a member that keeps next to nothing the memory would grow with the rows
 * that have passed through it.
 */
export function keepYoungSmall(): void {
  if (!KNOWN.test(process.versions.v8)) return;
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}
