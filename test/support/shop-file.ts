/** A job of one table, one source and one target, as its file says it; no server is behind it. */
import type { Job } from '../../shared/job/job.ts';
import { parseJob } from '../../shared/job/job-schema.ts';

const server = (name: string) => ({ name, user: 'u', database: 'shop' });

/** `more`: what its file has besides. */
export function shopFile(more: object = {}): Job {
  const file = {
    job: 'shop',
    kafka: { brokers: ['b:1'] },
    registry: { url: 'http://r' },
    sources: [server('s1')],
    targets: [server('t1')],
    tables: [{ name: 'orders' }],
    route: { kind: 'target', target: 't1' },
    ...more,
  };
  return parseJob(JSON.stringify(file), {});
}
