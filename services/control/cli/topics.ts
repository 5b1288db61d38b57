/** `reshard topics`: what a job has on Kafka, for people and for other consumers. */

import { tableTopic } from '../../../shared/kafka/topic-name.ts';
import { kafkaOf } from '../../../shared/member/context.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { controlTopics, tableTopics } from '../phase/topic-plan.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { count } from './number-text.ts';
import { print, printJson } from './output.ts';

export async function topicsCommand(file: string, o: { json?: boolean }): Promise<number> {
  const job = await readJob(file);
  const kafka = kafkaOf(
    job,
    createLogger({ name: 'reshard-topics', level: 'warn' }),
    'reshard-cli',
  );
  try {
    const { state, report, deadLetters, perSource } = controlTopics(job);
    const tables = job.sources.flatMap(s =>
      job.tables.flatMap(t => tableTopics(job, tableTopic(s.name, s.database, t.name))),
    );
    const admin = await kafka.admin();
    const there = new Set(await admin.listTopics());
    const topics = [];
    for (const spec of [...tables, ...perSource, deadLetters, state, report]) {
      const exists = there.has(spec.topic);
      const offsets = exists ? await admin.offsets(spec.topic) : [];
      const records = offsets.reduce((n, p) => n + p.latest - p.earliest, 0);
      topics.push({ ...spec, exists, records, offsets });
    }
    const text = topics
      .map(t =>
        [
          t.topic.padEnd(40),
          t.exists ? `${count(t.records)} records`.padStart(20) : '            not made',
          `  ${t.partitions} partition(s)`,
          `  ${t.config['cleanup.policy'] ?? ''}`,
        ].join(''),
      )
      .join('\n');
    if (o.json) printJson(topics, 2);
    else print(`${text}\n`);
    return EXIT.ok;
  } finally {
    await kafka.close();
  }
}
