/** Guards of `reshard up` and the services that it starts. */
import type { Guard } from './guard.ts';

export const TREE_GUARDS: Guard[] = [
  {
    name: 'a service ends with its tree, also while it loads',
    why: 'it works on alone, beside the next tree, and nobody sees it',
    file: 'services/control/cli/child-message.ts',
    find: 'else if (process.env[IS_HANDED] !== undefined) gone.abort();',
    replace: '',
    tests: ['services/control/cli/child-message.test.ts'],
    named: 'while it was loading',
  },
  {
    name: 'a service reads the file that its tree could not read',
    why: 'it waits for a job for ever, and the mistake in the file is told to nobody',
    file: 'services/control/cli/child-message.ts',
    find: "process.once('message', ({ job }: { job: Job | null }) => resolve(job && Object.freeze(job)));",
    replace:
      "process.once('message', ({ job }: { job: Job | null }) => job && resolve(Object.freeze(job)));",
    tests: ['services/control/cli/child-message.test.ts'],
    named: 'whose file is wrong by now',
  },
];
