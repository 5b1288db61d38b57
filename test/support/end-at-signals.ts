/**
 * How a program that has started others ends before its time: what it hangs on its own exit ends
 * them. A signal may come twice, to its group and from who has started it: one that is heard only
 * once kills it at the second, in the middle of that.
 */
export function endAtSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(130));
  }
}
