import { describe, expect, test } from 'vitest';
import { exampleOf } from '../../services/control/cli/init-example.ts';
import { ReshardError } from '../runtime/error.ts';
import { routeSpec } from './job.ts';
import { jobJsonSchema, parseJob } from './job-schema.ts';

const EXAMPLE = exampleOf('reshard');
const ENV = { SOURCE_PASSWORD: 's3cret', TARGET_PASSWORD: 't' };

function refused(text: string, env: Record<string, string> = ENV): string {
  try {
    parseJob(text, env);
  } catch (e) {
    if (e instanceof ReshardError && e.kind === 'config') return `${e.message} | ${e.remedy ?? ''}`;
    throw e;
  }
  throw new Error('was accepted');
}

describe('job file', () => {
  test('the example that `reshard init` writes is valid and complete', () => {
    const job = parseJob(EXAMPLE, ENV);
    expect(job.sources[0]?.password).toBe('s3cret');
    expect(job.targets.map(t => t.name)).toEqual(['t1', 't2']);
    expect(job.options.partitions).toBe(4);
    expect(routeSpec(job, 'orders')).toEqual({ kind: 'modulus', column: 'customer_id' });
  });

  test('a missing environment variable is named, with the place it is used at', () => {
    expect(refused(EXAMPLE, { TARGET_PASSWORD: 't' })).toMatch(/SOURCE_PASSWORD.*export/s);
    expect(refused(EXAMPLE, { TARGET_PASSWORD: 't' })).toMatch(/sources\[0\]\.password/);
  });

  test('an unknown option is refused by name: a typo must not silently do nothing', () => {
    const text = EXAMPLE.replace('tables:', 'tabels:');
    expect(refused(text)).toMatch(/tabels/);
  });

  test('a wrong value is named by its path', () => {
    expect(refused(EXAMPLE.replace('port: 3307', 'port: 99999'))).toMatch(/targets\.0\.port/);
  });

  test('a name used twice is refused', () => {
    expect(refused(EXAMPLE.replace('name: t2', 'name: t1'))).toMatch(/t1 is used twice/);
  });

  test('text that is not YAML is refused', () => {
    expect(refused('job: [')).toMatch(/not valid YAML/);
  });

  test('the JSON Schema names every section, for editors', () => {
    const text = JSON.stringify(jobJsonSchema());
    for (const part of ['kafka', 'registry', 'sources', 'targets', 'tables', 'route', 'options']) {
      expect(text).toContain(`"${part}"`);
    }
  });
});
