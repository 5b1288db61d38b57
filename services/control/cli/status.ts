/** `reshard status`: once, or followed. */
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { StatusFeed } from '../status/feed.ts';
import { showLive } from '../status/live.ts';
import { renderView } from '../status/render.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';

export async function statusCommand(
  file: string,
  o: { json?: boolean; watch?: boolean },
): Promise<number> {
  const job = await readJob(file);
  const log = createLogger({ name: 'reshard-status', level: 'warn' });
  if (o.watch) {
    await showLive({ job, log, signal: stopSignal(), json: o.json === true, out: process.stdout });
    return EXIT.ok;
  }
  const feed = await StatusFeed.open(job, log);
  if (feed === null) {
    throw new ReshardError('config', `the job ${job.job} has not been prepared on this Kafka`, {
      remedy: '`reshard up` or `reshard service control` prepares it',
    });
  }
  await using _ = feed;
  const status = await feed.status();
  const { stdout } = process;
  stdout.write(
    o.json
      ? `${JSON.stringify(status, null, 2)}\n`
      : `${renderView(status, { colour: stdout.isTTY === true && stdout.hasColors(), width: stdout.columns ?? 200 })}\n`,
  );
  return status.halted > 0 ? EXIT.failed : EXIT.ok;
}
