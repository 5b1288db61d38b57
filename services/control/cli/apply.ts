/** `reshard apply`: what a changed job file means for a running job, and the allowed part of it. */

import type { Job } from '../../../shared/job/job.ts';
import { openState } from '../../../shared/job/state/open.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import { createLogger, type Logger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import {
  type ApplyPlan,
  applyTopics,
  planApply,
  refuseChanges,
  refuseFilledTargets,
  requestApply,
} from '../command/apply.ts';
import { notPrepared, openJob, timeoutMsOf } from '../command/job-handle.ts';
import { operator } from '../command/operator.ts';
import { blockers, runDoctor } from '../doctor/doctor.ts';
import { renderFindings } from './doctor-report.ts';
import { EXIT } from './exit-code.ts';
import { gaveUp, isOver, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson, tell } from './output.ts';

export interface ApplyCommandOptions {
  dryRun?: boolean;
  createTargets?: boolean;
  json?: boolean;
  timeout: string;
}

export async function applyCommand(file: string, o: ApplyCommandOptions): Promise<number> {
  const job = await readJob(file);
  const timeoutMs = timeoutMsOf(o.timeout);
  const log = createLogger({ name: 'reshard-apply', level: 'warn' });
  const plan = await planned(job, log);
  if (!o.json) print(`${describe(plan)}\n`);
  const isJust = o.dryRun === true || isNothing(plan);
  if (!isJust) refuseChanges(job, plan);
  const wouldBe = plan.changes.some(c => c.kind === 'refused') ? EXIT.blocked : EXIT.ok;
  const code = isJust ? wouldBe : await carryOut(job, plan, o, timeoutMs, log);
  if (o.json && (isJust || code === EXIT.ok)) {
    printJson({ plan, applied: !isJust });
  }
  return code;
}

async function planned(job: Job, log: Logger): Promise<ApplyPlan> {
  await using kafka = kafkaOf(job, log, 'reshard-apply');
  const admin = await kafka.admin();
  const isMade = (await admin.listTopics()).includes(reportTopic(job.job));
  await using state = isMade
    ? await openState({ job, kafka, registry: registryOf(job), log })
    : undefined;
  const identity = state?.view.identity;
  if (identity) return await planApply(job, identity, admin);
  throw notPrepared(job);
}

async function carryOut(
  job: Job,
  plan: ApplyPlan,
  o: ApplyCommandOptions,
  timeoutMs: number,
  log: Logger,
): Promise<number> {
  const say = (text: string): void => {
    if (!o.json) print(`${text}\n`);
  };
  await using link = await openJob(job, 'apply');
  await applyTopics(await link.kafka.admin(), plan);
  if (plan.topics.length > 0) say('settings of the topics are changed');
  if (plan.added.length === 0) return EXIT.ok;
  const createTargets = o.createTargets === true;
  const found = blockers(await runDoctor(job, { log, createTargets, apply: createTargets }));
  if (found.length > 0) {
    tell(`${renderFindings(found)}\n`);
    return EXIT.blocked;
  }
  await refuseFilledTargets(job, plan);
  const wait = waitOf(timeoutMs, stopSignal(), o.json === true);
  const done = await requestApply(link, plan.added, operator(), () => isOver(wait));
  if (done === null)
    return gaveUp(wait, 'control has not answered; `reshard status <job file>` tells why');
  say('taken up, and being copied: `reshard status <job file>` shows it');
  return EXIT.ok;
}

function isNothing({ changes, topics }: ApplyPlan): boolean {
  return changes.length === 0 && topics.length === 0;
}

function describe(plan: ApplyPlan): string {
  const lines = plan.changes.map(({ kind, what, way }) =>
    kind === 'refused'
      ? `refused: ${what}; ${way}`
      : `${what}: it will be planned and copied while the job runs`,
  );
  for (const { spec, what } of plan.topics) {
    for (const text of what) lines.push(`topic ${spec.topic}: ${text}; it will be set`);
  }
  if (lines.length === 0) lines.push('the job is what the job file says');
  lines.push('options of members (connections, sizes, limits) are read when a member starts');
  return lines.join('\n');
}
