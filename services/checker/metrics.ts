/** Prometheus metrics of the checker. */
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { Counter, Gauge, type Registry } from '../../shared/runtime/metric.ts';

export class CheckMetrics {
  readonly #rows: Gauge;
  readonly #pending: Gauge;
  readonly #differences: Gauge;
  readonly #checks: Counter<'verdict'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
    this.#rows = gauge('reshard_check_rows', 'Source rows compared by the running or last check');
    this.#pending = gauge('reshard_check_pending_keys', 'Keys that wait for another probe');
    this.#differences = gauge('reshard_check_differences', 'Differences proven by that check');
    this.#checks = new Counter({
      name: 'reshard_check_finished_total',
      help: 'Finished checks by verdict; those of a part of a table apart',
      labelNames: ['verdict'],
      registers,
    });
  }

  progress(counters: Record<string, number>): void {
    this.#rows.set(counters.rows ?? 0);
    this.#pending.set(counters.pending ?? 0);
    this.#differences.set(counters.differences ?? 0);
  }

  finished(result: CheckResult): void {
    this.#rows.set(result.rows);
    this.#pending.set(0);
    this.#differences.set(result.differences);
    const isEqual = result.equal || result.equalInScope === true;
    const word = isEqual ? 'equal' : 'different';
    this.#checks.inc({ verdict: result.equalInScope === undefined ? word : `${word}_in_scope` });
  }
}
