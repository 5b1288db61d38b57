/**
 * Lifecycle: a unit of work runs until its signal; when it fails, the policy of its error says
 * whether a new one is built from durable state, or it stays stopped and visible.
 * A unit is never "repaired" in place: what it held in memory is thrown away with it.
 */
import { Backoff } from './backoff.ts';
import { sleep } from './clock.ts';
import { asReshardError, describeError, type ReshardError } from './error.ts';
import { policyOf } from './error-policy.ts';
import type { Logger } from './log.ts';

export interface Unit {
  /** Works until the signal, then drains and returns; rejects when it cannot go on. */
  run(signal: AbortSignal): Promise<void>;
}

export type UnitState =
  | { state: 'starting' | 'running' | 'stopped' }
  | { state: 'backing-off'; error: ReshardError; inMs: number }
  | { state: 'halted'; error: ReshardError };

const BACKOFF = { minMs: 200, maxMs: 10_000 };
/** A server that is back should not wait long for us, and asking one that is away costs little. */
const UNREACHABLE_MAX_MS = 3000;
/** A unit that ran this long before it failed starts again with the smallest back-off. */
const HEALTHY_MS = 30_000;

/**
 * Runs units made by `make`, one after the other, until the signal. Rejects only for policy `exit`.
 * A halted unit keeps this promise pending until the signal, or until it is `cured`: its error is
 * shown, not lost.
 */
export async function runSupervised(
  name: string,
  make: () => Unit | Promise<Unit>,
  o: {
    log: Logger;
    signal: AbortSignal;
    onState?: (state: UnitState) => void;
    /** Resolves when a halted unit is to be built anew: the operator has cured what stopped it. */
    cured?: (signal: AbortSignal) => Promise<void>;
  },
): Promise<void> {
  const { log, signal } = o;
  const tell = o.onState ?? (() => {});
  const backoff = new Backoff(BACKOFF);
  while (!signal.aborted) {
    const startedAt = performance.now();
    try {
      tell({ state: 'starting' });
      const unit = await make();
      tell({ state: 'running' });
      await unit.run(signal);
      break;
    } catch (e) {
      if (signal.aborted) {
        log.info({ unit: name, reason: asReshardError(e).message }, 'unit stopped');
        break;
      }
      const error = asReshardError(e);
      const policy = policyOf(error.kind);
      if (policy === 'exit') throw error;
      if (policy === 'halt') {
        log.error({ unit: name, kind: error.kind }, `unit halted: ${describeError(error)}`);
        tell({ state: 'halted', error });
        if (o.cured) await o.cured(signal).catch(() => {});
        else await aborted(signal);
        continue;
      }
      if (performance.now() - startedAt > HEALTHY_MS) backoff.reset();
      const { dueMs } = backoff;
      const level = dueMs < 1000 ? 'info' : dueMs < 6500 ? 'warn' : 'error';
      const atMostMs = error.kind === 'unreachable' ? UNREACHABLE_MAX_MS : BACKOFF.maxMs;
      const inMs = Math.round(backoff.next(atMostMs));
      log[level]({ unit: name, inMs }, `unit restarts: ${describeError(error)}`);
      tell({ state: 'backing-off', error, inMs });
      await sleep(inMs, signal);
    }
  }
  tell({ state: 'stopped' });
}

/** Resolves at the signal. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A second Ctrl-C that comes sooner is an echo of the first: npm passes on what terminals send. */
const ECHO_MS = 500;

/**
 * A signal that fires at SIGTERM, SIGINT or SIGHUP; a second Ctrl-C ends the process at once. Only
 * that: a terminal sends Ctrl-C to a whole process tree, whose root then asks its children, which
 * are draining already, by SIGTERM.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let stoppedAt = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    const isAgain = controller.signal.aborted && performance.now() - stoppedAt > ECHO_MS;
    if (isAgain && signal === 'SIGINT') process.exit(130);
    if (!controller.signal.aborted) stoppedAt = performance.now();
    controller.abort(signal);
  };
  process.on('SIGHUP', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return controller.signal;
}
