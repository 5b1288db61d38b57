/**
 * Names of all topics. A source's topics start with its prefix, a job's with `reshard.<job>`.
 * Kafka allows letters, digits, `.`, `_`, `-` and at most 249 characters; a MySQL name may hold
 * anything, so other characters are written as `_xHHHH_` per UTF-16 unit: injective because a
 * literal `_x` is escaped too, and two tables can never share a topic.
 */
import { ReshardError } from '../runtime/error.ts';

const NAME_MAX = 249;

export function tableTopic(prefix: string, db: string, table: string): string {
  return checked(`${prefix}.${escaped(db)}.${escaped(table)}`);
}

export function chunksTopic(prefix: string): string {
  return checked(`${prefix}.chunks`);
}

export function progressTopic(prefix: string): string {
  return checked(`${prefix}.progress`);
}

/** Statements that named tables of the job. */
export function schemaTopic(prefix: string): string {
  return checked(`${prefix}.schema`);
}

export function stateTopic(job: string): string {
  return checked(`reshard.${job}.state`);
}

export function reportTopic(job: string): string {
  return checked(`reshard.${job}.report`);
}

/** What the streaming check of the job knows. */
export function streamTopic(job: string): string {
  return checked(`reshard.${job}.stream`);
}

export function deadLetterTopic(job: string): string {
  return checked(`reshard.${job}.dlq`);
}

/** `.` separates the parts of a topic name, so it is escaped inside them. */
function escaped(name: string): string {
  return name.replace(/_(?=x[0-9a-f]{4}_)|[^A-Za-z0-9_-]/g, c => {
    return `_x${c.charCodeAt(0).toString(16).padStart(4, '0')}_`;
  });
}

function checked(topic: string): string {
  if (topic.length <= NAME_MAX && /^[A-Za-z0-9._-]+$/.test(topic)) return topic;
  throw new ReshardError('config', `"${topic}" cannot be the name of a topic`, {
    remedy: `use a shorter prefix: a topic name has at most ${NAME_MAX} characters of A-Z a-z 0-9 . _ -`,
    context: { length: topic.length },
  });
}
