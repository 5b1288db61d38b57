/** Guards of the kinds of jobs: a job file that cannot be meant is refused before it starts. */
import type { Guard } from './guard.ts';

const PROOF = ['shared/job/move-proof.test.ts'];
const FORMS = ['shared/route/routes.mysql.test.ts'];
const FENCE = ['shared/mysql/row-fence.mysql.test.ts'];
const MOVED = ['shared/mysql/moved-rows.mysql.test.ts'];
const CLEANUP = ['test/expand/expand.live.test.ts'];
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
  {
    name: 'only servers that come get rows',
    why: 'rows that move between servers that stay are read, and written nowhere',
    file: 'shared/job/move-proof.ts',
    find: 'if (isNew && one !== undefined) continue;',
    replace: 'if (one !== undefined) continue;',
    tests: PROOF,
    named: 'a bound that moves between old servers',
  },
  {
    name: 'what has no target by mistake is read',
    why: 'a row whose value nobody has listed is missing on all servers, and nothing says so',
    file: 'shared/route/route.ts',
    find: 'NOT ((${sql})<=>${NO_TARGET})',
    replace: '(${sql})<>${NO_TARGET}',
    tests: FORMS,
    named: 'a row without a target is read all the same',
  },
  {
    name: 'a server that stays keeps its slots',
    why: 'a proposed route moves more rows than the new servers need',
    file: 'shared/route/slots.ts',
    find: 'if (owner >= servers || (surplus[owner] ?? 0) === 0) continue;',
    replace: 'if (owner >= servers) continue;',
    tests: PROOF,
    named: 'the route that is proposed moves none',
  },
  {
    name: 'a row is judged by what it is in the end',
    why: 'an id that the server gives is not known before: rows that move are written on',
    file: 'shared/mysql/row-fence.ts',
    find: 'AFTER ${event} ON',
    replace: 'BEFORE ${event} ON',
    tests: FENCE,
    named: 'refused: INSERT INTO t (v) VALUES (77)',
  },
  {
    name: 'a row that leaves its place is refused',
    why: 'a row that moves is changed into one that stays, and lost on its new owner',
    file: 'shared/mysql/row-fence.ts',
    find: "UPDATE: `(${of('OLD')}) OR (${of('NEW')})`,",
    replace: "UPDATE: of('NEW'),",
    tests: FENCE,
    named: 'refused: UPDATE t SET id=22 WHERE id=1',
  },
  {
    name: 'a fence stands as a whole',
    why: 'a server takes writes of rows that have moved, and status is green',
    file: 'shared/mysql/row-fence.ts',
    find: 'EVENTS.some(',
    replace: 'EVENTS.every(',
    tests: FENCE,
    named: 'it stands as a whole or not',
  },
  {
    name: 'only rows that are equal on their new owner are deleted',
    why: 'the only copy of a row is deleted',
    file: 'shared/mysql/moved-rows.ts',
    find: 'evenStale || there.get(key) === row',
    replace: 'evenStale || there.get(key) !== undefined',
    tests: CLEANUP,
    named: 'what has moved is deleted at its old place',
  },
  {
    name: 'rows that moved are not published as deleted',
    why: 'a consumer that has all servers of a cluster deletes rows that live on',
    file: 'services/binlog/capture/capture.ts',
    find: 'if (known.name === CLEANUP) this.#isCleanup = true;',
    replace: '',
    tests: CLEANUP,
    named: 'what has moved is deleted at its old place',
  },
  {
    name: 'a row that moved takes no children with it',
    why: 'rows that have not moved are deleted by a foreign key, and are on no server',
    file: 'shared/mysql/moved-rows.ts',
    find: "await session.rawQuery('SET SESSION foreign_key_checks = 0');",
    replace: '',
    tests: MOVED,
    named: 'rows of other tables that a foreign key would delete',
  },
  {
    name: 'triggers of others meet no delete of a row that moved',
    why: 'what a trigger does for a row that is gone is done for one that lives on elsewhere',
    file: 'shared/mysql/moved-rows.ts',
    find: 'if (others.length > 0) {',
    replace: 'if (others.length > 99) {',
    tests: MOVED,
    named: 'a trigger of others would act on the deletes',
  },
];
