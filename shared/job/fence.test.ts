/** What a job file says of fences, and what a record says in its place. */
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { exampleOf } from '../../services/control/cli/init-example.ts';
import { shopFile } from '../../test/support/shop-file.ts';
import { fenceKind, fenceOf, hookOf, ownUsers } from './fence.ts';
import { parseJob } from './job-schema.ts';

const ENV = { SOURCE_PASSWORD: 's', TARGET_PASSWORD: 't' };
const HOOK = { kind: 'hook', command: './fence.sh' };
const ACCOUNTS = { kind: 'accounts', lock: ['app', 'batch@10.%'] };

describe('the fence of a server', () => {
  test('is read_only unless the file says otherwise, of all servers or of one', () => {
    expect(fenceOf(shopFile(), 's1')).toEqual({ kind: 'read-only' });
    const job = shopFile({ cutover: { fence: ACCOUNTS, fences: { t1: HOOK } } });
    const lock = ['app@%', 'batch@10.%'];
    expect(fenceOf(job, 's1')).toEqual({ kind: 'accounts', lock, spare: [] });
    expect(fenceOf(job, 't1')).toEqual({ ...HOOK, seconds: 30 });
  });

  test('of one that is frozen is that of its record, whatever the file says by now', () => {
    const job = shopFile({ cutover: { fence: HOOK } });
    const frozen = { source: 's1' };
    expect(fenceKind(job, 's1')).toBe('hook');
    expect(fenceKind(job, 's1', frozen)).toBe('read-only');
    expect(fenceKind(job, 's1', { ...frozen, by: { kind: 'accounts' } })).toBe('accounts');
    expect(() => hookOf(shopFile(), 's1')).toThrow(/no hook for s1 any more/);
  });

  test('names of servers that there are not, and of a cluster that grows, are refused', () => {
    expect(() => shopFile({ cutover: { fences: { s9: HOOK } } })).toThrow(/no server s9/);
    const file = parse(exampleOf('expand'));
    const grows = (cutover: object) => parseJob(stringify({ ...file, cutover }), ENV);
    expect(fenceOf(grows({}), file.sources[0].name)).toEqual({ kind: 'triggers' });
    expect(() => grows({ fence: ACCOUNTS })).toThrow(/has triggers, no choice/);
  });

  test('accounts of all servers of the job are ours', () => {
    expect([...ownUsers(shopFile())]).toEqual(['u']);
  });
});
