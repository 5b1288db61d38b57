/** `npm run demo`: options, one run, exit code (0 equal, 1 failed, 2 usage, 4 different). */
import { describeError } from '../../shared/runtime/error.ts';
import { UsageError } from '../support/usage.ts';
import { runCutoverDemo } from './cutover.ts';
import { runDemo } from './demo.ts';
import { DemoFailure } from './job-run.ts';
import { Narrator } from './narrator.ts';
import { demoOptions, HELP } from './options.ts';
import { type Summary, summaryText } from './summary.ts';

async function main(argv: readonly string[]): Promise<number> {
  const options = demoOptions(argv);
  if (options === undefined) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
  const out = options.json ? process.stderr : process.stdout;
  const narrator = new Narrator(out);
  if (options.cutover) return (await runCutoverDemo(options, narrator)).length === 0 ? 0 : 4;
  const shown: Summary[] = [];
  await runDemo({
    options,
    narrator,
    view: { fd: out.fd },
    signal: stop.signal,
    onSummary: summary => {
      shown.push(summary);
      out.write(`\n${summaryText(summary)}\n`);
      if (options.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    },
  });
  return shown[0]?.equal === true ? 0 : 4;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  const isUsage = e instanceof UsageError;
  const text = isUsage || e instanceof DemoFailure ? e.message : describeError(e);
  process.stderr.write(`\ndemo: ${text}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
process.exit();
