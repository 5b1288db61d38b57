/** The flag of the collector is one that this Node takes, and does what it is there for. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const HEAP = fileURLToPath(new URL('./heap.ts', import.meta.url));

/**
 * Full collections while 2.5 GiB of buffers pass through, and the memory they took at most. V8 has
 * collections of its own, the more the busier the machine: so many bytes outnumber them.
 */
function fullCollections(isCounted: boolean): { full: number; rssMib: number } {
  const program = `
    import { PerformanceObserver, constants } from 'node:perf_hooks';
    import { countBuffersInHeap } from ${JSON.stringify(HEAP)};
    if (${isCounted}) countBuffersInHeap();
    let full = 0;
    new PerformanceObserver(list => {
      for (const e of list.getEntries()) {
        if (e.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1;
      }
    }).observe({ entryTypes: ['gc'] });
    let kept = [];
    let most = 0;
    for (let i = 0; i < 2560; i++) {
      kept.push(Buffer.alloc(1024 * 1024));
      if (kept.length > 8) kept.shift();
      if (i % 16 === 0) {
        await new Promise(r => setImmediate(r));
        most = Math.max(most, process.memoryUsage.rss());
      }
    }
    await new Promise(r => setTimeout(r, 50));
    console.log(JSON.stringify({ full, rssMib: Math.round(most / 1048576) }));
  `;
  const args = ['--input-type=module', '-e', program];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('buffers that pass through start few full collections, and memory stays small', () => {
  const without = fullCollections(false);
  const counted = fullCollections(true);
  expect(without.full).toBeGreaterThan(10);
  expect(counted.full).toBeLessThan(without.full / 2);
  expect(counted.rssMib).toBeLessThan(600);
});
