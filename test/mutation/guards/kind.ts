/** Guards of the kinds of jobs: a job file that cannot be meant is refused before it starts. */
import type { Guard } from './guard.ts';

const KINDS = ['shared/job/job-kind.test.ts'];

export const KIND_GUARDS: Guard[] = [
  {
    name: 'a split sends whole tables',
    why: 'rows of a table that was to be on one server are spread over several',
    file: 'shared/job/job-kind.ts',
    find: "if (shardColumn === undefined && (route?.kind === 'target' || route?.kind === 'all')) continue;",
    replace: 'if (shardColumn === undefined) continue;',
    tests: KINDS,
    named: 'a split that spreads a table',
  },
  {
    name: 'a copy is not routed',
    why: 'a copy that leaves rows out by a route is called a copy of all',
    file: 'shared/job/job-kind.ts',
    find: 'if (other !== undefined) {',
    replace: 'if (other === undefined) {',
    tests: KINDS,
    named: 'a copy that is routed',
  },
];
