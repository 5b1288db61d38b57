/**
 * `npm run servers`: servers to look around with, or to run live tests against again and again.
 * `up` starts them detached and prints where they are, `down` ends them, `where` prints again.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeError } from '../../../shared/runtime/error.ts';
import { answers } from './mysql-settings.ts';
import { endServersOf, namedRunFolder, removeFolder } from './run-folder.ts';
import { type Endpoints, startServers } from './servers.ts';

const FOLDER = namedRunFolder('servers');
const FILE = path.join(FOLDER, 'servers.json');

async function up(): Promise<void> {
  const running = await whereRunning();
  if (running) return show(running);
  await down();
  process.env.RESHARD_SERVERS = 'local';
  const servers = await startServers({
    dir: FOLDER,
    detached: true,
    kafka: true,
    registry: true,
    mysql: [
      { name: 's1', serverId: 101 },
      { name: 't1', serverId: 201 },
      { name: 't2', serverId: 202 },
    ],
    log: line => process.stderr.write(`${line}\n`),
  });
  await writeFile(FILE, `${JSON.stringify(servers.endpoints(), null, 2)}\n`);
  show(servers.endpoints());
}

async function down(): Promise<void> {
  const ended = await endServersOf(FOLDER);
  await removeFolder(FOLDER);
  if (ended > 0) process.stderr.write(`${ended} servers ended\n`);
}

async function whereRunning(): Promise<Endpoints | undefined> {
  if (!existsSync(FILE)) return undefined;
  const endpoints: Endpoints = JSON.parse(await readFile(FILE, 'utf8'));
  const all = Object.values(endpoints.mysql).map(e => answers(e).catch(() => false));
  return (await Promise.all(all)).every(Boolean) ? endpoints : undefined;
}

function show(endpoints: Endpoints): void {
  process.stdout.write(`${JSON.stringify(endpoints, null, 2)}\n`);
  process.stderr.write(
    `live tests use these servers with RESHARD_DEV=${FILE}\n` +
      'end them with: npm run servers -- down\n',
  );
}

const command = process.argv[2] ?? 'up';
try {
  if (command === 'up') await up();
  else if (command === 'down') await down();
  else if (command === 'where') {
    const running = await whereRunning();
    if (running) show(running);
    else process.exitCode = 1;
  } else {
    process.stderr.write('usage: npm run servers -- up | down | where\n');
    process.exitCode = 2;
  }
} catch (e) {
  process.stderr.write(`${describeError(e)}\n`);
  process.exitCode = 1;
}
