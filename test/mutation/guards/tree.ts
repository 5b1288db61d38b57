/** Guards of `reshard up` and the services that it starts. */
import type { Guard } from './guard.ts';

export const TREE_GUARDS: Guard[] = [
  {
    name: 'a service ends with its tree, also while it loads',
    why: 'it works on alone, beside the next tree, and nobody sees it',
    file: 'services/control/cli/child-message.ts',
    find: 'else if (process.env[IS_HANDED] !== undefined) end();',
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
  {
    name: 'a word to a tree that has ended',
    why: 'a service that was loading ends in a stack trace where it has to end quietly',
    file: 'services/control/cli/child-message.ts',
    find: 'process.send?.(message, undefined, undefined, () => {});',
    replace: 'process.send?.(message);',
    tests: ['services/control/cli/child-message.test.ts'],
    named: 'while code was loaded is no error',
  },
  {
    name: 'a service that could not be started',
    why: 'the tree ends, and all services with it, where a second try would do',
    file: 'services/control/cli/child-message.ts',
    find: 'if (child.connected) child.send',
    replace: 'child.send',
    tests: ['services/control/cli/child-message.test.ts'],
    named: 'handed nothing',
  },
  {
    name: 'what a service writes is read on without its file',
    why: 'a full disk stops a service in the middle of its work, without a word',
    file: 'services/control/cli/service-log.ts',
    find: 'from.resume();',
    replace: '',
    tests: ['services/control/cli/service-log.test.ts'],
    named: 'is read on',
  },
  {
    name: 'what has ended a tree is said in JSON',
    why: 'who reads JSON has a last status that waits, and no error',
    file: 'services/control/cli/service-command.ts',
    find: 'tellParent({ error: toldError(e) });',
    replace: '',
    tests: ['services/control/cli/cli.live.test.ts'],
    named: 'says itself what has ended it',
  },
  {
    name: 'a member waits for a job file that can be read',
    why: 'an editor that saves half a job file ends all of the job when one member dies',
    file: 'services/control/cli/up.ts',
    find: 'job = await readableJob(service, o, stop.signal);',
    replace: 'job = await readJob(o.jobFile).catch(() => null);',
    tests: ['services/control/cli/cli.live.test.ts'],
    named: 'ends nobody',
  },
];
