/** Reads the job file that a command names. */
import { readFile } from 'node:fs/promises';
import type { Job } from '../../../shared/job/job.ts';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { useJobFile } from './output.ts';

export async function readJob(path: string): Promise<Job> {
  useJobFile(path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ReshardError('config', `cannot read the job file ${path}`, {
      cause,
      remedy: '`reshard init` writes an example',
    });
  }
  return parseJob(text, process.env);
}
