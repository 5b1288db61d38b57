/**
 * The Node that everything here runs on, whatever Node a user starts us with: the running one if
 * it is new enough, else one pinned version, fetched once from the package registry into the
 * cache folder. Plain JavaScript, because it has to run on Node 20.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const MAJOR = 24;
const VERSION = '24.21.0';

/** The same folder that test/support/servers/cache.ts uses. */
export function cacheRoot() {
  if (process.env.RESHARD_CACHE) return path.resolve(process.env.RESHARD_CACHE);
  const xdg = process.env.XDG_CACHE_HOME;
  return path.join(xdg ? path.resolve(xdg) : path.join(os.homedir(), '.cache'), 'reshard');
}

/**
 * Path of a Node that is new enough.
 * @param {(line: string) => void} tell
 * @returns {string}
 */
export function node24(tell = () => {}) {
  if (Number.parseInt(process.versions.node, 10) >= MAJOR) return process.execPath;
  const folder = path.join(cacheRoot(), `node-${VERSION}`);
  if (!existsSync(folder)) fetchNode(folder, tell);
  const binary = binaryIn(folder);
  if (!binary) throw new Error(`no node in ${folder}: delete that folder and try again`);
  return binary;
}

function platformPackages() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `${platform}-${process.arch}`;
  return name === 'darwin-arm64' ? [`node-bin-${name}`, `node-${name}`] : [`node-${name}`];
}

/** The npm package `node` fetches this platform's package by a script; npm blocks scripts. */
function fetchNode(folder, tell) {
  tell(`this is Node ${process.versions.node}; fetching Node ${VERSION} (once)`);
  const aside = `${folder}.part-${process.pid}`;
  mkdirSync(aside, { recursive: true });
  let error = '';
  const wanted = platformPackages().flatMap(name => [`${name}@${VERSION}`, `${name}@${MAJOR}`]);
  for (const spec of wanted) {
    const args = ['install', '--prefix', aside, '--ignore-scripts', '--no-package-lock', '--force'];
    const npm = spawnSync('npm', [...args, '--no-audit', '--no-fund', spec], {
      cwd: aside,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    if (npm.status === 0 && binaryIn(aside)) {
      publish(aside, folder);
      return;
    }
    error = npm.stderr ?? String(npm.error);
  }
  rmSync(aside, { recursive: true, force: true });
  throw new Error(
    `cannot fetch Node ${VERSION} from the package registry.\n${error}\n` +
      `Install Node ${MAJOR} or later, and start with it.`,
  );
}

/** Another process may have been faster: its folder is as good. */
function publish(aside, folder) {
  try {
    renameSync(aside, folder);
  } catch (e) {
    rmSync(aside, { recursive: true, force: true });
    if (!existsSync(folder)) throw e;
  }
}

function binaryIn(folder) {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return platformPackages()
    .map(pkg => path.join(folder, 'node_modules', pkg, 'bin', name))
    .find(file => existsSync(file));
}
