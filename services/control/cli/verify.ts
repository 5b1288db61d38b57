/**
 * `reshard verify`: asks the running checker for a full check, follows it, prints the verdict and
 * the keys that differ. The check runs while data flows; a difference counts only if it survives.
 */
import { kafkaOf, registryOf, reportCodec, stateCodec } from '../../../shared/member/context.ts';
import { stateKey } from '../../../shared/member/job-view.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { tailTable } from '../../../shared/topic/table.ts';
import { reportTopic } from '../../../shared/topic/topic-name.ts';
import { stateWriter } from '../state-writer.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { renderCheck } from './verify-text.ts';

const PROGRESS_EVERY_MS = 1000;

export async function verifyCommand(
  file: string,
  o: { json?: boolean; tables?: string; timeout: string },
): Promise<number> {
  const job = await readJob(file);
  const tables = o.tables?.split(',').map(t => t.trim()) ?? [];
  const unknown = tables.find(t => !job.tables.some(x => x.name === t));
  if (unknown !== undefined) {
    throw new ReshardError('config', `--tables: ${unknown} is not a table of the job`);
  }
  const timeoutMs = Number(o.timeout) * 1000;
  if (!(timeoutMs > 0)) throw new ReshardError('config', `--timeout ${o.timeout} is not a time`);
  const log = createLogger({ name: 'reshard-verify', level: 'warn' });
  const kafka = kafkaOf(job, log, 'reshard-verify');
  try {
    const registry = registryOf(job);
    if (!(await (await kafka.admin()).listTopics()).includes(reportTopic(job.job))) {
      throw new ReshardError('config', `the job ${job.job} has not been prepared on this Kafka`, {
        remedy: '`reshard up` runs the job',
      });
    }
    const id = `verify-${new Date().toISOString().replace(/[^0-9]/g, '')}`;
    const codec = await reportCodec(registry, job);
    let latest: Report | null = null;
    const tail = await tailTable(kafka, reportTopic(job.job), (key, value) => {
      if (key.toString() === `checker/${id}` && value !== null) latest = codec.decode(value);
    });
    await tail.caughtUp;
    const writer = await stateWriter(kafka, job, await stateCodec(registry, job));
    await writer.put(stateKey.verify(id), { verify: { id, requestedMs: Date.now(), tables } });
    const report = await follow(() => latest, { timeoutMs, quiet: o.json === true });
    await tail.close();
    if (report === null) {
      process.stderr.write('reshard: no verdict in time; is a checker running (reshard status)?\n');
      return EXIT.timeout;
    }
    process.stdout.write(o.json ? `${report.detail}\n` : `${renderCheck(report)}\n`);
    if (report.state !== 'finished') return EXIT.failed;
    if (report.counters.differences !== 0) return EXIT.different;
    return report.counters.unsettled === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await kafka.close();
  }
}

/** Shows progress until the check has ended; null when the time is up or the user stops it. */
async function follow(
  latest: () => Report | null,
  o: { timeoutMs: number; quiet: boolean },
): Promise<Report | null> {
  const signal = stopSignal();
  const end = performance.now() + o.timeoutMs;
  const terminal = process.stderr.isTTY === true;
  let said = '';
  while (!signal.aborted && performance.now() < end) {
    const report = latest();
    if (report !== null && (report.state === 'finished' || report.state === 'failed')) {
      if (terminal && said !== '') process.stderr.write('\n');
      return report;
    }
    const line = report === null ? 'waiting for a checker' : progressLine(report);
    if (!o.quiet && line !== said) process.stderr.write(terminal ? `\r\x1b[K${line}` : `${line}\n`);
    said = line;
    await sleep(report === null ? 100 : PROGRESS_EVERY_MS / 4, signal);
  }
  return null;
}

function progressLine(r: Report): string {
  const { rows = 0, rows_total = 0, differences = 0 } = r.counters;
  const part = rows_total > 0 ? ` ${Math.min(100, Math.floor((100 * rows) / rows_total))} %` : '';
  return `checking:${part} ${Math.round(rows).toLocaleString('en-US')} rows, ${differences} differences`;
}
