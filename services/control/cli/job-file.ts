/** Reads the job file that a command names. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
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
  return parseJob(text, process.env, file => readBeside(path, file));
}

function readBeside(jobFile: string, file: string): string {
  try {
    return readFileSync(resolve(dirname(jobFile), file), 'utf8');
  } catch (cause) {
    throw new ReshardError('config', `cannot read ${file}, which ${jobFile} names`, {
      cause,
      remedy: 'its path counts from the folder of the job file; each machine of the job needs it',
    });
  }
}
