import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Every file that opens connections by kafkajs, in services, tests, bench and soak. */
function users(): string[] {
  return ['shared', 'services', 'test']
    .flatMap(top =>
      readdirSync(path.join(ROOT, top), { recursive: true }).map(f => `${top}/${String(f)}`),
    )
    .filter(f => /\.(ts|mjs)$/.test(f) && !f.endsWith('.test.ts'))
    .filter(f => /new (kafkajs\.)?Kafka\(/.test(readFileSync(path.join(ROOT, f), 'utf8')));
}

/** What Node prints when a program has imported the file and kafkajs has had an answer. */
function printedBy(file: string | undefined): string {
  const code = `
    import { createRequire } from 'node:module';
    ${file === undefined ? '' : `await import(${JSON.stringify(path.join(ROOT, file))});`}
    const require = createRequire(${JSON.stringify(path.join(ROOT, 'package.json'))});
    const Queue = require('kafkajs/src/network/requestQueue');
    const logger = { debug() {}, namespace: () => logger };
    const queue = new Queue({ logger, isConnected: () => true, requestTimeout: 1000,
      maxInFlightRequests: 1, enforceRequestTimeout: false, clientId: 'x', broker: 'x' });
    queue.scheduleCheckPendingRequests();
    setTimeout(() => process.exit(7), 50);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    encoding: 'utf8',
    cwd: ROOT,
  });
  expect({ status, said: status === 7 ? '' : stderr }).toEqual({ status: 7, said: '' });
  return stderr;
}

describe('the timer of kafkajs', () => {
  test('makes Node warn, as it comes', () => {
    expect(printedBy(undefined)).toContain('TimeoutNegativeWarning');
  });

  test.each(users())('%s keeps it from that', file => {
    expect(printedBy(file)).toBe('');
  });

  test('whoever connects is known', () => {
    expect(users()).toContain('shared/kafka/wire/kafkajs.ts');
    expect(users().length).toBeGreaterThan(1);
  });
});
