/** Doctor: the schema registry, and whether it would take the schemas of the job's tables. */
import { envelopeSchema, keySchema } from '../../../shared/codec/avro-schema.ts';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { inspectJobTable } from '../../../shared/job/job-key.ts';
import { stateTopic, tableTopic } from '../../../shared/kafka/topic-name.ts';
import { registryOf } from '../../../shared/member/context.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { canonicalJson, type SchemaRegistry } from '../../../shared/registry/registry.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { type TableSchema, unsupportedColumns } from '../../../shared/schema/table-schema.ts';
import { errorFinding } from './error-finding.ts';

export async function checkRegistry(job: Job, log: Logger): Promise<Finding[]> {
  const where = `registry (${job.registry.url})`;
  try {
    const registry = registryOf(job);
    await registry.latest(`${stateTopic(job.job)}-value`);
    const found = await Promise.all(
      job.sources.map(source => checkSource(registry, job, source, log)),
    );
    return found.flat();
  } catch (e) {
    return [errorFinding(e, where)];
  }
}

async function checkSource(
  registry: SchemaRegistry,
  job: Job,
  source: JobSource,
  log: Logger,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const schema of await carriedSchemas(job, source, log)) {
    const topic = tableTopic(source.name, schema.db, schema.table);
    findings.push(
      ...(await checkKey(registry, source, schema, topic)),
      ...(await checkValue(registry, source, schema, topic)),
    );
  }
  return findings;
}

/** Tables that can be carried; what is wrong with the others, the checks of the source tell. */
async function carriedSchemas(job: Job, source: JobSource, log: Logger): Promise<TableSchema[]> {
  try {
    await using session = await MysqlSession.open(source, { role: 'read', log });
    const schemas: TableSchema[] = [];
    for (const { name } of job.tables) {
      const schema = await inspectJobTable(session, job, source.database, name).catch(
        () => undefined,
      );
      if (schema !== undefined && unsupportedColumns(schema).length === 0) schemas.push(schema);
    }
    return schemas;
  } catch (e) {
    log.debug({ source: source.name, error: String(e) }, 'no schemas to check');
    return [];
  }
}

async function checkKey(
  registry: SchemaRegistry,
  source: JobSource,
  schema: TableSchema,
  topic: string,
): Promise<Finding[]> {
  const subject = `${topic}-key`;
  const latest = await registry.latest(subject);
  if (latest === null) return [];
  const wanted = keySchema(source.name, schema);
  if (canonicalJson(JSON.parse(latest.schema)) === canonicalJson(wanted)) return [];
  return [
    {
      level: 'blocker',
      code: 'registry-key-schema',
      where: `subject ${subject}`,
      what: 'the registered key schema is another one than the row key of the table gives',
      why: 'With other key bytes a row would move to another partition and have two histories.',
      fix: `name the source otherwise; or, if the topic ${topic} is of a job that is done with: \`reshard drop <its job file>\``,
    },
  ];
}

async function checkValue(
  registry: SchemaRegistry,
  source: JobSource,
  schema: TableSchema,
  topic: string,
): Promise<Finding[]> {
  const subject = `${topic}-value`;
  const isTaken = await registry.isCompatible(subject, envelopeSchema(source.name, schema));
  if (isTaken !== false) return [];
  return [
    {
      level: 'blocker',
      code: 'registry-compatibility',
      where: `subject ${subject}`,
      what: 'the registry would refuse the schema of the table as a new version',
      why: 'Consumers of the topic could not read old and new records with one schema.',
      fix: `name the source otherwise; or, if the topic ${topic} is of a job that is done with: \`reshard drop <its job file>\``,
    },
  ];
}
