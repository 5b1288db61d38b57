/** The command line as an operator meets it when nothing is there yet, or all is down. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { asReshardError, describeError } from '../../../shared/runtime/error.ts';
import { exitCodeOf } from './exit-code.ts';
import { exampleOf } from './init-example.ts';
import { program } from './program.ts';

interface Called {
  code: number;
  out: string;
  err: string;
}

/** What main.ts does, in this process. */
async function call(...args: string[]): Promise<Called> {
  const called = { code: 0, out: '', err: '' };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(text => {
      called.out += String(text);
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation(text => {
      called.err += String(text);
      return true;
    }),
  ];
  try {
    called.code = await program(['node', 'reshard', ...args]);
  } catch (e) {
    called.err += describeError(e);
    called.code = exitCodeOf(asReshardError(e).kind);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return called;
}

const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-cli-'));
const jobFile = path.join(dir, 'job.yaml');

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 1;
}

beforeAll(async () => {
  process.env.SOURCE_PASSWORD = 'x';
  process.env.TARGET_PASSWORD = 'x';
  const text = exampleOf('reshard').replace('127.0.0.1:9092', `127.0.0.1:${await closedPort()}`);
  writeFileSync(jobFile, text);
});

afterAll(() => {
  rmSync(dir, { recursive: true });
  delete process.env.SOURCE_PASSWORD;
  delete process.env.TARGET_PASSWORD;
});

const COMMANDS = [
  'init',
  'schema',
  'errors',
  'doctor',
  'up',
  'service',
  'status',
  'pause',
  'resume',
  'throttle',
  'topics',
  'verify',
  'repair',
  'recopy',
  'cutover',
  'cancel',
  'finish',
  'handover',
];

describe('help', () => {
  test('lists every command, the exit codes and the order of work', async () => {
    const { code, out } = await call('--help');
    expect(code).toBe(0);
    for (const name of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(out).toMatch(/Exit codes: 0 done, .* 130 stopped/);
  });

  test.each(COMMANDS)('of %s has examples and its exit codes', async name => {
    const { code, out } = await call(name, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`\n  reshard ${name}`);
    expect(out).toMatch(/Exit codes: 0 done, 1 failed while it ran, 2 wrong usage/);
    const codes = { doctor: '3', up: '3', service: '3', verify: '4', repair: '4', recopy: '5' };
    for (const [command, exit] of Object.entries(codes)) {
      if (command === name) expect(out).toContain(` ${exit} `);
    }
  });

  test('the version is that of the package', async () => {
    expect((await call('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('wrong usage ends with exit code 2 and says what would be right', () => {
  test.each<[string, string[], RegExp]>([
    ['an unknown command', ['stat'], /unknown command 'stat'.*Did you mean status/s],
    ['an unknown option', ['status', 'x', '--jsn'], /unknown option '--jsn'.*--help says more/s],
    ['no job file named', ['status'], /missing required argument 'job'.*status --help/s],
    ['a job file that is not there', ['up', '/no/job.yaml'], /cannot read.*ENOENT.*init/s],
    ['a folder as the job file', ['doctor', os.tmpdir()], /cannot read the job file.*EISDIR/s],
    ['recopy without a source', ['recopy', jobFile], /required option '--source/],
    ['a service that is none', ['service', 'snk', jobFile], /no service "snk".*one of: control/s],
    ['a table that is none', ['verify', jobFile, '--tables', 'ordrs'], /"ordrs".*of: customers/s],
    [
      'a limit that is none',
      ['throttle', jobFile, '--set', 'row=5'],
      /"row" is not a limit.*rows, check-rows, window, max-lag/s,
    ],
    ['no time', ['verify', jobFile, '--timeout', 'soon'], /--timeout soon.*seconds above 0/s],
    ['no port', ['service', 'sink', jobFile, '--http-port', 'x'], /--http-port x.*65535/s],
  ])('%s', async (_, args, says) => {
    const { code, err } = await call(...args);
    expect(err).toMatch(says);
    expect(code).toBe(2);
  });

  test('a job file with mistakes: all of them, each with its place', async () => {
    const file = path.join(dir, 'wrong.yaml');
    writeFileSync(file, 'job: shop\nkafka: { brokers: [] }\nsources: x\nrote: {}\n');
    const { code, err } = await call('status', file);
    expect(code).toBe(2);
    for (const part of ['kafka.brokers', 'sources', 'targets', 'rote', 'reshard schema']) {
      expect(err).toContain(part);
    }
  });

  test('text that is no YAML', async () => {
    const file = path.join(dir, 'broken.yaml');
    writeFileSync(file, 'job: [shop\n');
    expect(await call('status', file)).toMatchObject({ code: 2, err: /not valid YAML/ });
  });

  test('a secret that is not in the environment', async () => {
    delete process.env.TARGET_PASSWORD;
    const { code, err } = await call('status', jobFile);
    process.env.TARGET_PASSWORD = 'x';
    expect(code).toBe(2);
    expect(err).toMatch(/targets\[0\]\.password.*TARGET_PASSWORD is not set.*export/s);
  });
});

describe('while Kafka is down', () => {
  // The others open the job as `pause` does.
  test.each(['status', 'pause', 'topics'])(
    '%s fails soon, with the address and a remedy, in JSON as well',
    async name => {
      const begun = performance.now();
      const { code, out, err } = await call(name, jobFile, '--json');
      expect(code).toBe(1);
      expect(err).toMatch(/cannot connect to Kafka at 127\.0\.0\.1:\d+.*remedy: check kafka/s);
      const { error } = JSON.parse(out);
      expect(error).toMatchObject({
        kind: 'unreachable',
        remedy: expect.stringContaining('kafka'),
      });
      expect(performance.now() - begun).toBeLessThan(10_000);
    },
  );
});
