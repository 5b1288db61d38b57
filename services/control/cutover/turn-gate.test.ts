/** What would carry rows the other way has to be able to, before anything is frozen. */
import { expect, test } from 'vitest';
import { shopFile } from '../../../test/support/shop-file.ts';
import { unit, well } from '../../../test/support/status-facts.ts';
import { judged } from '../status/feed.ts';
import type { MemberStatus, ServiceStatus } from '../status/status.ts';
import { shutGates } from './gate.ts';
import { flowGates } from './turn-gate.ts';

const { cutover } = shopFile();

const sink = (member: string): MemberStatus => {
  return { service: 'sink', member, state: 'running', ageSeconds: 1 };
};
const standby = (member: string, o: Partial<ServiceStatus> = {}): ServiceStatus => {
  return { ...unit('sink', 'standby'), member, ...o };
};

function closed(members: MemberStatus[], standbys: ServiceStatus[]): string[] {
  const facts = { ...well(), phase: 'following', members };
  const status = judged({ ...facts, services: [...facts.services, ...standbys] });
  return shutGates(flowGates(status, cutover.limits)).map(g => `${g.name}: ${g.why}`);
}

test('every sink that stands by has shown that it could write', () => {
  expect(closed([sink('a:1'), sink('b:2')], [standby('a:1'), standby('b:2')])).toEqual([]);
  expect(closed([sink('a:1'), { ...sink('b:2'), state: 'stopped' }], [standby('a:1')])).toEqual([]);
});

test('none, or one that does not try (of an older version), keeps it shut', () => {
  expect(closed([], [])).toEqual(['way back: sinks: no sink has joined it']);
  expect(closed([sink('a:1'), sink('b:2')], [standby('a:1')])).toEqual([
    'way back: sinks: b:2 has not shown that it could write where rows would go',
  ]);
});

test('one that could not write keeps it shut, with the reason', () => {
  const error = 's1: denied: DELETE command denied';
  const found = closed([sink('a:1')], [standby('a:1', { state: 'backing-off', error })]);
  expect(found).toEqual([
    'way back: sinks: a:1 has not shown that it could write where rows would go',
    `way back: well: backing-off: sink/standby: ${error}`,
  ]);
});

test('one that has not tried yet keeps it shut', () => {
  expect(closed([sink('a:1')], [standby('a:1', { state: 'starting' })])).toHaveLength(2);
});
