/** Starts one service in this process. Services are loaded when they are asked for. */
import type { ServiceName } from '../../../shared/member/context.ts';
import { unreachable } from '../../../shared/runtime/error.ts';
import { countBuffersInHeap } from '../../../shared/runtime/heap.ts';
import type { ControlOptions } from '../run-control.ts';

export const SERVICES: readonly ServiceName[] = [
  'control',
  'binlog',
  'snapshot',
  'sink',
  'checker',
];

type Run = (o: ControlOptions) => Promise<void>;

/** Loads the code of a service, which takes most of the time of its start. */
export async function loadService(name: ServiceName): Promise<Run> {
  // The writer holds the largest buffers, of huge rows, which have to go at once.
  if (name !== 'binlog') countBuffersInHeap();
  switch (name) {
    case 'control':
      return (await import('../run-control.ts')).runControl;
    case 'binlog':
      return (await import('../../binlog/main.ts')).runBinlog;
    case 'snapshot':
      return (await import('../../snapshot/main.ts')).runSnapshot;
    case 'sink':
      return (await import('../../sink/main.ts')).runSink;
    case 'checker':
      return (await import('../../checker/main.ts')).runChecker;
    default:
      return unreachable(name);
  }
}
