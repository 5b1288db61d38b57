/** `reshard drop`: removes all that a job owns, after it has said what, on the operator's word. */

import { returnJob } from '../../../shared/job/return-job.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { carryOutDrop, type DropDeps, type DropPlan, isEmpty, planDrop } from '../command/drop.ts';
import { operator } from '../command/operator.ts';
import { confirm } from './confirm.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { print, printJson } from './output.ts';

export interface DropCommandOptions {
  yes?: boolean;
  json?: boolean;
  dryRun?: boolean;
}

export async function dropCommand(file: string, o: DropCommandOptions): Promise<number> {
  const job = await readJob(file);
  const log = createLogger({ name: 'reshard-drop', level: 'warn' });
  await using kafka = kafkaOf(job, log, 'reshard-drop');
  const registry = registryOf(job);
  const say = (text: string): void => {
    if (!o.json) print(`${text}\n`);
  };
  // The job last: its state is what says that there is a way back to be dropped.
  const back = returnJob(job);
  const parts: Part[] = [];
  for (const part of back === null ? [job] : [back, job]) {
    const deps = { job: part, kafka, registry };
    parts.push({ deps, plan: await planDrop(deps) });
  }
  for (const part of parts) tellPlan(part, say);
  const left = parts.filter(p => !isEmpty(p.plan));
  const isDone = left.length > 0 && o.dryRun !== true;
  if (isDone) {
    await confirm(job.job, `drop of the job ${job.job}`, o.yes === true);
    for (const { deps, plan } of left) await carryOutDrop(deps, plan, operator(), say);
    say(REST);
  }
  const plan = parts.at(-1)?.plan;
  const more = back === null ? {} : { back: parts[0]?.plan };
  if (o.json) printJson({ plan, ...more, dropped: isDone });
  return EXIT.ok;
}

/** The job, or its way back. */
interface Part {
  deps: DropDeps;
  plan: DropPlan;
}

function tellPlan({ deps, plan }: Part, say: (text: string) => void): void {
  const { job } = deps.job;
  say(isEmpty(plan) ? `nothing of the job ${job} is left` : describe(job, plan));
  for (const kept of plan.kept) say(`kept: ${kept}`);
}

const REST =
  'the tables on the targets keep their rows: empty them before a job copies into them again';

function describe(job: string, plan: DropPlan): string {
  const { tableTopics, ownerTopics, jobTopics, subjects, groups, rows } = plan;
  const topics = [...tableTopics, ...jobTopics, ...ownerTopics];
  const lines = [
    `of the job ${job}${plan.jobId === null ? '' : ` (${plan.jobId})`} will be removed:`,
    ...topics.map(topic => `  topic ${topic}`),
    ...(plan.hasState ? [`  topic reshard.${job}.state`] : []),
    ...subjects.map(subject => `  subject ${subject}`),
    ...groups.map(group => `  consumer group ${group}`),
    ...plan.tables.map(t => `  table ${t.table} on the target ${t.target}, which is the job's`),
    ...rows.map(r => `  ${r.rows} rows of ${r.table} on the target ${r.target}`),
    'cannot be removed, and expires by itself on the brokers:',
    ...plan.transactionalIds.map(id => `  transactional id ${id}`),
  ];
  return lines.join('\n');
}
