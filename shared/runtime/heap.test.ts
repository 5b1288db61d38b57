/** The flags of the collector are ones that this Node takes, and do what they are there for. */
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

/** Memory of what was allocated last, MiB, while many rows are kept for a moment. */
function youngMib(isSmall: boolean): number {
  const program = `
    import v8 from 'node:v8';
    import { keepYoungSmall } from ${JSON.stringify(HEAP)};
    if (${isSmall}) keepYoungSmall();
    let kept = [];
    for (let i = 0; i < 4_000_000; i++) {
      kept.push({ key: i, values: [i] });
      if (kept.length > 100_000) kept = [];
    }
    const young = v8.getHeapSpaceStatistics().find(s => s.space_name === 'new_space');
    console.log(Math.round(young.space_size / 1048576));
  `;
  const args = ['--input-type=module', '-e', program];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('what rows leave behind takes no more memory the more of them have passed', () => {
  expect(youngMib(false)).toBeGreaterThan(16);
  expect(youngMib(true)).toBeLessThan(8);
});
