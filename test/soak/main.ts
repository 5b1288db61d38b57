/** `npm run soak`: options, one run, exit code (0 equal, 1 failed, 2 usage). */
import { describeError } from '../../shared/runtime/error.ts';
import { UsageError } from '../support/usage.ts';
import { HELP, soakOptions } from './options.ts';
import { runSoak } from './soak.ts';

async function main(argv: readonly string[]): Promise<number> {
  const options = soakOptions(argv);
  if (options === undefined) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const result = await runSoak(options, say, stop.signal);
  say(`\n${result.summary}`);
  return result.failures.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  const isUsage = e instanceof UsageError;
  process.stderr.write(`\nsoak: ${isUsage ? e.message : describeError(e)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
process.exit();
