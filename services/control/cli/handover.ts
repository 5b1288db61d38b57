/** `reshard handover`: asks control to make the target of a copy a replica of its source. */
import { isHandedOver } from '../../../shared/job/state/handover.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { requestCutover } from '../command/cutover.ts';
import { followHandover, type HandoverPlan, planHandover } from '../command/handover.ts';
import { openJob, timeoutMsOf } from '../command/job-handle.ts';
import { confirm } from './confirm.ts';
import { gateLines } from './cutover-text.ts';
import { EXIT } from './exit-code.ts';
import { follow, gaveUp, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson } from './output.ts';

export interface HandoverOptions {
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
  timeout: string;
}

const GOES_ON =
  'control goes on with it, or undoes it; `reshard status <job file>` says how far it is, and ' +
  '`reshard handover` again waits for the end';

const DESTRUCTIVE = 'the history of its target is RESET, and it becomes a replica of the source';

export async function handoverCommand(file: string, o: HandoverOptions): Promise<number> {
  const job = await readJob(file);
  await using link = await openJob(job, 'handover');
  const json = o.json === true;
  if (!isHandedOver(link.view.handoverRun) || o.dryRun) {
    const plan = await planHandover(link);
    if (json && (o.dryRun || !plan.canGo)) printJson(plan);
    else if (!json) print(`${planText(job.job, plan)}\n`);
    if (!plan.canGo) return EXIT.shut;
    if (o.dryRun) return EXIT.ok;
    await confirm(job.job, `handover of ${job.job}: ${DESTRUCTIVE}`, o.yes === true);
  }
  const wait = waitOf(timeoutMsOf(o.timeout), stopSignal(), json);
  const id = await requestCutover(link, 'handover');
  const line = ({ note }: { note: string | null }): string =>
    note === null ? 'waiting for control' : `at ${note}`;
  const outcome = await follow(link, followHandover(link, id), wait, line, {
    services: ['control'],
  });
  if (outcome === null) return gaveUp(wait, GOES_ON);
  const { run, answer } = outcome;
  if (json) printJson({ run, error: answer.error });
  else print(`${answer.error ?? `the target is a replica of the source, from ${run?.gtid}`}\n`);
  return answer.error === null ? EXIT.ok : EXIT.failed;
}

function planText(job: string, { gates, canGo, warnings, steps }: HandoverPlan): string {
  const closed = gates.filter(g => g.state !== 'open');
  return [
    canGo
      ? `${job} could be handed over now: all ${gates.length} gates are open`
      : `${job} CANNOT be handed over now: ${closed.length} of ${gates.length} gates are not open`,
    ...[...closed, ...gates.filter(g => g.state === 'open')].flatMap(gateLines),
    ...warnings.flatMap(({ what, fix }) => [`  warning  ${what}`, `           fix: ${fix}`]),
    '',
    'then, in this order (the source takes writes all the time):',
    ...steps.map(({ step, what }, i) => `  ${String(i + 1).padStart(2)}. ${step}: ${what}`),
  ].join('\n');
}
