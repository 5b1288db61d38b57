/** A sink member as a process of its own, for tests that kill it: `run-member.ts <job file>`. */
import { readFileSync } from 'node:fs';
import { runSink } from '../../../services/sink/main.ts';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';

const log = createLogger({ name: 'sink', level: process.env.TEST_LOG ?? 'info' });
const job = parseJob(readFileSync(process.argv[2] ?? '', 'utf8'), process.env);
try {
  await runSink({ job, log, signal: stopSignal(), httpPort: Number(process.env.TEST_HTTP ?? 0) });
  process.exit(0);
} catch (e) {
  log.error(describeError(e));
  process.exit(1);
}
