/**
 * How the collector counts the buffers that a service's data passes through. They lie outside of
 * the heap, and V8 13 starts a full collection after each 64 MB of them, however small the heap is:
 * a member that streams data marks its whole heap several times a second, which took a quarter of
 * the CPU of the sink. Counted into the limit of the heap as a whole they are freed by the short
 * collections, and memory does not grow.
 */
import v8 from 'node:v8';

/** The V8 that knows the flag; another one would complain about it on standard error. */
const KNOWN = /^13\./;

export function countBuffersInHeap(): void {
  if (!KNOWN.test(process.versions.v8)) return;
  v8.setFlagsFromString('--external-memory-accounted-in-global-limit');
}
