/** Prometheus metrics of the streaming check. */
import type { StreamedTable } from '../../../shared/job/state/stream-report.ts';
import { Gauge, type Registry } from '../../../shared/runtime/metric.ts';

export class StreamMetrics {
  readonly #equal: Gauge<'table' | 'partition'>;
  readonly #differs: Gauge<'table' | 'partition'>;
  readonly #foreign: Gauge<'partition'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ['table', 'partition'] as const;
    this.#equal = new Gauge({
      name: 'reshard_stream_equal_timestamp_seconds',
      help: 'The table partition is equal on all targets as of then; 0: not known',
      ...{ labelNames, registers },
    });
    this.#differs = new Gauge({
      name: 'reshard_stream_differs',
      help: '1 while both logs say that a target differs from the sources',
      ...{ labelNames, registers },
    });
    this.#foreign = new Gauge({
      name: 'reshard_stream_foreign_writes',
      help: 'Changes of rows on targets that the job has not made, since it began',
      labelNames: ['partition'],
      registers,
    });
  }

  told(partition: number, said: readonly StreamedTable[], foreign: number): void {
    for (const { table, state, equalMs } of said) {
      this.#equal.set({ table, partition }, equalMs / 1000);
      this.#differs.set({ table, partition }, state === 'differs' ? 1 : 0);
    }
    this.#foreign.set({ partition }, foreign);
  }
}
