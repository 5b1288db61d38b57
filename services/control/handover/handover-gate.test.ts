/** What is refused before anything is done, each with its reason and its remedy. */
import { describe, expect, test } from 'vitest';
import { shopFile } from '../../../test/support/shop-file.ts';
import { shutGates } from '../cutover/gate.ts';
import { fileGates, serverGates, warningsOf } from './handover-gate.ts';
import type { ServerFacts } from './server-facts.ts';

const HANDOVER = { user: 'repl', password: 'secret' };
const JOB = shopFile({ kind: 'copy', handover: HANDOVER });
const DB = JOB.sources[0]?.database ?? '';
const TABLES = JOB.tables.map(t => t.name);

function facts(name: string, uuid: string): ServerFacts {
  return {
    ...{ name, flavor: 'mysql', version: '9.7.4', uuid, serverId: Number(uuid[0]) },
    ...{ gtidMode: 'ON', enforcesGtid: 'ON', lowerCase: 0, isReadOnly: false },
    ...{ executed: `${uuid}:1-5`, programs: [], accounts: ['app@%'] },
    tables: TABLES.map(t => `${DB}.${t}`),
    databases: [`${DB} utf8mb4_0900_ai_ci`],
    definitions: new Map(TABLES.map(t => [t, `CREATE TABLE ${t} (\n  id INT\n)`])),
    ...{ channels: [], dumps: 0, filters: 0, jobs: [], missing: [], account: "'us'@'%'" },
  };
}

const S = facts('s1', '11111111-1111-1111-1111-111111111111');
const T = facts('t1', '22222222-2222-2222-2222-222222222222');

test('two servers that hold the same, and nothing else, may be handed over', () => {
  const t = { ...T, tables: [...T.tables, `${DB}.reshard_offset`, `${DB}.reshard_park`] };
  expect(shutGates([...fileGates(JOB), ...serverGates(JOB, S, t)])).toEqual([]);
});

describe('is refused, with its remedy', () => {
  test.each<[string, Partial<ServerFacts>, Partial<ServerFacts>, RegExp]>([
    [
      'a table that the job does not carry',
      { tables: [...S.tables, 'crm.leads'] },
      {},
      /crm\.leads/,
    ],
    ['a table of somebody else', {}, { tables: [...T.tables, `${DB}.mine`] }, /not of the job/],
    ['a database of somebody else', {}, { databases: ['crm utf8mb4_bin'] }, /database crm/],
    ['transactions of others', {}, { executed: `${S.uuid}:1-3,${T.uuid}:1-2` }, /other servers/],
    ['another job', {}, { jobs: ['other'] }, /other jobs/],
    ['a replica', {}, { channels: ['channel x'] }, /replica already/],
    ['one that nobody may look at', {}, { channels: null }, /not shown/],
    ['replicas of its own', {}, { dumps: 1 }, /read its log/],
    ['filters', {}, { filters: 2 }, /2 replication filters/],
    ['an older replica', {}, { version: '8.4.6' }, /must not be older/],
    ['no gtid', { gtidMode: 'OFF' }, {}, /gtid_mode OFF/],
    ['the same server id', {}, { serverId: S.serverId }, /server_id 1/],
    ['a foreign flavor', {}, { flavor: 'mariadb' }, /t1 is mariadb/],
    ['a source that takes no row', { isReadOnly: true }, {}, /no row can show/],
    ['a database that the target lacks', { databases: [...S.databases, 'crm x'] }, {}, /lacks the/],
    ['an account that may not', {}, { missing: ['RELOAD'] }, /lacks RELOAD/],
    ['another charset', {}, { databases: [`${DB} latin1_swedish_ci`] }, /latin1/],
    [
      'another default',
      {},
      { definitions: new Map([['orders', 'CREATE TABLE orders (\n  id INT DEFAULT 1\n)']]) },
      /source: id INT; target: id INT DEFAULT 1/,
    ],
  ])('%s', (_, s, t, says) => {
    const gates = shutGates(serverGates(JOB, { ...S, ...s }, { ...T, ...t }));
    expect(gates.map(g => g.why).join('\n')).toMatch(says);
    for (const gate of gates) expect(gate.fix, gate.name).not.toBeNull();
  });

  test('a job of another kind, or without the account of replication', () => {
    expect(shutGates(fileGates({ ...JOB, kind: 'reshard' }))[0]?.why).toMatch(/kind reshard/);
    const { handover: _, ...none } = JOB;
    expect(shutGates(fileGates(none))[0]?.fix).toMatch(/handover:/);
  });
});

test('accounts and programs that the target lacks are told, and keep nothing shut', () => {
  const s = { ...S, accounts: ['app@%', 'bi@%'], programs: [`view ${DB}.v`] };
  const texts = warningsOf(s, T).map(w => w.what);
  expect(texts.join('\n')).toMatch(new RegExp(`view ${DB}.v[^]*bi@%`));
});
