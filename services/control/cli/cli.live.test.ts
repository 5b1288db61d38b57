/** The command line on real servers: some come late, members go, terminals close. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../../shared/runtime/clock.ts';
import { type DevServers, servers } from '../../../test/support/dev.ts';
import { TcpProxy } from '../../../test/support/fault/tcp-proxy.ts';
import { type MysqlServer, writeJobFile } from '../../../test/support/job-file.ts';
import { createDatabase, fillSource } from '../../../test/support/load/fill.ts';
import { isAlive } from '../../../test/support/processes.ts';
import { callReshard, StatusWatch, spawnReshard } from '../../../test/support/reshard-cli.ts';
import type { Status } from '../status/status.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const LIMIT_MS = 60_000;
const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-cli-'));
const children: ChildProcess[] = [];
let dev: DevServers;
let s1: MysqlServer;
let t1: MysqlServer;

beforeAll(() => {
  dev = servers();
  const { s1: source, t1: target } = dev.mysql;
  if (source === undefined || target === undefined) throw new Error('s1 and t1 are needed');
  s1 = source;
  t1 = target;
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A small shop and its job, prepared by nobody. */
async function shop(o: { source?: MysqlServer; servers?: Partial<DevServers> } = {}) {
  const id = randomUUID().slice(0, 8);
  const job = `cli-${id}`;
  const database = `cli_${id}`;
  await fillSource({ endpoint: s1, database, source: 0, orders: 50, seed: 1 });
  await createDatabase(t1, database);
  const jobFile = writeJobFile({
    dir,
    job,
    servers: { ...dev, ...o.servers },
    sources: [o.source ?? s1],
    targets: [t1],
    database,
  });
  return { job, database, jobFile };
}

interface Running {
  child: ChildProcess;
  out: () => string;
  err: () => string;
  ended: Promise<number>;
}

/** A command that goes on; `detached` gives it a process group, as a shell does. */
function begin(args: readonly string[], detached = false): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, RESHARD_LOG_JSON: '1' },
    cwd: dir,
    detached,
  });
  children.push(child);
  const text = { out: '', err: '' };
  child.stdout.on('data', chunk => {
    text.out += chunk;
  });
  child.stderr.on('data', chunk => {
    text.err += chunk;
  });
  const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : 128));
  return { child, out: () => text.out, err: () => text.err, ended };
}

async function seen(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  await until(probe, { timeoutMs: LIMIT_MS, everyMs: 100, what });
}

async function status(jobFile: string): Promise<Status> {
  const { out, err } = await callReshard('status', jobFile, '--json');
  const parsed: Status = JSON.parse(out || '{}');
  if (parsed.phase === undefined) throw new Error(err);
  return parsed;
}

describe('servers that come late', () => {
  test('are waited for one after the other, which log, health and status show', async () => {
    const [host = '', port = ''] = (dev.brokers[0] ?? '').split(':');
    const url = new URL(dev.registryUrl);
    await using broker = await TcpProxy.open({ host, port: Number(port) });
    await using registry = await TcpProxy.open({ host: url.hostname, port: Number(url.port) });
    await using source = await TcpProxy.open(s1);
    for (const proxy of [broker, registry, source]) await proxy.cut();
    url.port = String(registry.port);
    const { jobFile } = await shop({
      source: { ...s1, host: source.host, port: source.port },
      servers: {
        brokers: [`127.0.0.1:${broker.port}`],
        registryUrl: url.href.replace(/\/$/, ''),
      },
    });
    const args = ['service', 'control', jobFile, '--create-targets', '--http-port', '0'];
    const control = begin(args);
    const says = (text: RegExp) => seen(String(text), () => text.test(control.err()));

    await says(/has to wait: .*Kafka at 127\.0\.0\.1/);
    expect((await callReshard('status', jobFile)).code).toBe(1);
    await broker.heal();
    await says(/preparing the job has to wait: .*source .*registry .*remedy: start it/);
    await registry.heal();
    await says(/preparing the job has to wait: (?!.*registry).*source .*remedy: start it/);
    await seen('a status that waits for the source alone', async () => {
      const { code, out } = await callReshard('status', jobFile, '--json');
      const waiting: string = code === 6 ? (JSON.parse(out).waiting ?? '') : '';
      return /source/.test(waiting) && !/registry/.test(waiting);
    });
    const shown = await callReshard('status', jobFile);
    expect(shown.out).toMatch(/phase prepare.*\nwaiting: unreachable: source .*:\d+\)/);
    expect(shown.out).toContain('remedy: start it');

    await source.heal();
    await says(/job prepared/);
    expect(await status(jobFile)).toMatchObject({ phase: 'copying', waiting: null });
    control.child.kill('SIGTERM');
    expect(await control.ended).toBe(0);
  }, 120_000);

  test('do not hide what is wrong: that ends control at once, with exit code 3', async () => {
    await using source = await TcpProxy.open(s1);
    await source.cut();
    const away = { ...s1, host: source.host, port: source.port };
    const { jobFile } = await shop({ source: away });
    const unknown = await callReshard('status', jobFile, '--json');
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/has not been prepared on this Kafka.*remedy: `reshard up \S+`/s);
    expect(JSON.parse(unknown.out).error).toMatchObject({ kind: 'config' });
    const text = readFileSync(jobFile, 'utf8');
    const wrong = `${jobFile}.wrong.yaml`;
    writeFileSync(wrong, text.replace(/(name: target1.*?password: )[^\n]*/s, '$1wrong'));
    const { code, err } = await callReshard('service', 'control', wrong, '--create-targets');
    expect(err).toMatch(/blocker.*target target1/);
    expect(err).toContain('Access denied');
    expect(code).toBe(3);
  });
});

describe('a job that runs', () => {
  let jobFile: string;
  let job: string;
  let members: ReturnType<typeof spawnReshard>[];
  let watch: StatusWatch;

  beforeAll(async () => {
    ({ jobFile, job } = await shop());
    const more = (service: string) => (service === 'control' ? ['--create-targets'] : []);
    const start = (service: string, i: number) =>
      spawnReshard(['service', service, jobFile, ...more(service)], {
        log: path.join(dir, `${job}-${service}-${i}.log`),
        env: { RESHARD_LOG_JSON: '1' },
      });
    members = ['control', 'snapshot', 'snapshot', 'checker', 'checker'].map(start);
    watch = StatusWatch.open(jobFile);
    await seen('the job to be prepared', () => watch.latest?.phase === 'copying');
  }, 120_000);

  afterAll(async () => {
    await watch?.[Symbol.asyncDispose]();
    for (const member of members) member.kill('SIGTERM');
    await Promise.all(members.map(m => m.exited));
  });

  test('shows each member, who has paused it and why, and forgets who is gone', async () => {
    const snapshots = (s: Status) => s.services.filter(x => x.service === 'snapshot');
    const units = (s: Status) => new Set(snapshots(s).map(x => x.unit)).size;
    await seen('two members at each unit', () => {
      const s = watch.latest;
      if (s === undefined) return false;
      const counts = ['control', 'snapshot', 'checker'].map(
        name => s.members.filter(m => m.service === name && m.state === 'running').length,
      );
      return counts.join() === '1,2,2' && snapshots(s).length === 2 * units(s) && units(s) === 2;
    });
    const [, victim, other] = members;
    victim?.kill('SIGKILL');
    await seen('one member less', () => {
      const s = watch.latest;
      if (s === undefined || units(s) !== 2) return false;
      return snapshots(s).every(x => x.member.endsWith(`:${other?.pid}`));
    });

    const paused = await callReshard('pause', jobFile, '--reason', 'backup', '--by', 'ann');
    expect(paused.out).toMatch(/^the copy is paused: backup \(by ann, since 20.*Z\)\n$/);
    const me = `${os.userInfo().username}@${os.hostname()}`;
    const twice = await callReshard('pause', jobFile, '--json');
    const { pauses } = JSON.parse(twice.out);
    expect(pauses).toMatchObject([
      { reason: 'backup', by: 'ann' },
      { reason: 'operator', by: me },
    ]);
    expect((await status(jobFile)).pauses).toEqual(pauses);
    const shown = (await callReshard('status', jobFile)).out;
    expect(shown).toMatch(/copy paused: backup \(by ann, since 20[^,]*Z, \d+ s\)/);
    expect(shown).toMatch(/members {2}checker 2, control 1, snapshot 1/);
    expect((await callReshard('resume', jobFile, '--reason', 'none')).code).toBe(1);
    expect((await callReshard('resume', jobFile, '--all')).out).toBe('the copy is not paused\n');
    expect((await status(jobFile)).pauses).toEqual([]);
  }, 120_000);

  test('is watched in plain lines, by whoever stops reading, until Ctrl-C', async () => {
    const plain = begin(['status', jobFile, '--watch']);
    await seen('a line', () => plain.out().includes('\n'));
    expect(plain.out()).toMatch(/^20\S+Z copying \| missing: binlog\/.* \| customers .*\n/);
    expect(plain.out()).not.toContain('\x1b[');
    plain.child.kill('SIGINT');
    expect({ code: await plain.ended, err: plain.err() }).toEqual({ code: 0, err: '' });

    const piped = begin(['status', jobFile, '--watch', '--json']);
    await seen('a line', () => piped.out().includes('\n'));
    expect(JSON.parse(piped.out().split('\n')[0] ?? '')).toMatchObject({ phase: 'copying' });
    piped.child.stdout?.destroy();
    expect({ code: await piped.ended, err: piped.err() }).toEqual({ code: 0, err: '' });
  }, 60_000);
});

describe('reshard up', () => {
  test('runs once on a machine, ends with its root, and drains at Ctrl-C', async () => {
    const { jobFile, job } = await shop();
    const up = ['up', jobFile, '--create-targets', '--logs', `${job}-logs`];
    const first = begin(up, true);
    await seen('the job to follow', () => /Z following \|/.test(first.out()));
    expect(first.out()).not.toContain('\x1b[');

    const second = await callReshard('up', jobFile);
    expect(second.code).toBe(2);
    expect(second.err).toContain(`runs on this machine already (process ${first.child.pid})`);
    expect(second.err).toContain('remedy: `reshard status');

    await using watch = StatusWatch.open(jobFile);
    const services = () =>
      (watch.latest?.members ?? []).filter(m => m.state === 'running').map(pidOf);
    await seen('its members', () => services().length === 5);
    const pids = services();
    first.child.kill('SIGKILL');
    await first.ended;
    await seen('all services to end', () => pids.every(pid => !isAlive(pid)));

    const again = begin(up, true);
    await seen('the job to follow', () => /Z following \|/.test(again.out()));
    await seen('its members', () => services().filter(pid => !pids.includes(pid)).length === 5);
    const group = services();
    // A terminal sends Ctrl-C to the whole group.
    process.kill(-(again.child.pid ?? 0), 'SIGINT');
    expect(await again.ended).toBe(0);
    expect(group.filter(isAlive)).toEqual([]);
    const { members } = await status(jobFile);
    expect(members.map(m => `${m.service} ${m.state}`)).toEqual(
      ['binlog', 'checker', 'control', 'sink', 'snapshot'].map(name => `${name} stopped`),
    );
  }, 120_000);

  test('a job file that cannot be read ends nobody: who has died comes back with it', async () => {
    const { jobFile, job } = await shop();
    const up = begin(['up', jobFile, '--create-targets', '--logs', `${job}-logs`], true);
    await using watch = StatusWatch.open(jobFile);
    const running = () => (watch.latest?.members ?? []).filter(m => m.state === 'running');
    await seen('its members', () => running().length === 5);
    const before = running().map(pidOf);
    const sink = running().find(m => m.service === 'sink');
    const text = readFileSync(jobFile, 'utf8');
    writeFileSync(jobFile, text.replace(/^targets:/m, 'target:'));
    process.kill(pidOf(sink ?? { member: '' }), 'SIGKILL');
    await seen('what is wrong with it', () => up.err().includes('when the job file can be read'));
    expect(up.err()).toMatch(/target/);
    writeFileSync(jobFile, text);
    const isBack = (m: { service: string; member: string }): boolean =>
      m.service === 'sink' && !before.includes(pidOf(m));
    await seen('the sink', () => running().some(isBack));
    expect(before.filter(isAlive)).toHaveLength(4);
    up.child.kill('SIGINT');
    expect(await up.ended).toBe(0);
  }, 60_000);

  test('says itself what has ended it, when the logs go to files, and in JSON too', async () => {
    const { jobFile, job } = await shop();
    const logs = path.join(dir, `${job}-logs`);
    const up = await callReshard('up', jobFile, '--logs', logs, '--json');
    expect(up.code).toBe(3);
    const [last = ''] = up.out.trim().split('\n').slice(-1);
    expect(JSON.parse(last).error).toMatchObject({
      kind: 'server-setting',
      message: expect.stringContaining('blocker'),
      remedy: expect.stringContaining(`\`reshard doctor ${jobFile}\``),
    });
    expect(up.err).toMatch(/blocker.*target target1/);
    expect(up.err).toContain('fix: start the job with --create-targets');
    expect(up.err).toContain('remedy: apply the fixes above');
  }, 60_000);
});

function pidOf({ member }: { member: string }): number {
  return Number(member.split(':').at(-1));
}
