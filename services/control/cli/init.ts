/** `reshard init`: a job file with every part explained, for the kind of job that is wanted. */
import { writeFile } from 'node:fs/promises';
import { JOB_KINDS } from '../../../shared/job/job-kind.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { exampleOf } from './init-example.ts';

export async function writeExample(path: string, named: string): Promise<void> {
  const kind = JOB_KINDS.find(k => k === named);
  if (kind === undefined) {
    throw new ReshardError('config', `there are no jobs of kind ${named}`, {
      remedy: `one of ${JOB_KINDS.join(', ')}: docs/KINDS.md`,
    });
  }
  try {
    await writeFile(path, exampleOf(kind), { flag: 'wx' });
  } catch (cause) {
    throw new ReshardError('config', `cannot write ${path}`, {
      cause,
      remedy: 'an existing file is never overwritten: name another one',
    });
  }
}
