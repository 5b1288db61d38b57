/**
 * The process behind the `reshard` command and each of its services. All it does is to turn the
 * cache of compiled code on before any other module is loaded: modules take most of the time of a
 * start, and `up` starts six processes. The cache is our own folder, not the system's for temporary
 * files, where another user could put code. Children have it from their environment, before this
 * module is read: what strips types off is not even loaded there.
 */
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { cacheRoot } from './node24.mjs';

process.env.NODE_COMPILE_CACHE ??= path.join(cacheRoot(), 'compiled');
enableCompileCache(process.env.NODE_COMPILE_CACHE);
try {
  const { entry } = await import('./cli/entry.ts');
  await entry(process.argv);
} catch (e) {
  if (!isPackageMissing(e)) throw e;
  process.stderr.write(
    'reshard: its dependencies are not installed; run `npm ci`, or start it by `npx reshard`\n',
  );
  process.exitCode = 1;
}

function isPackageMissing(e: unknown): boolean {
  return e instanceof Error && 'code' in e && e.code === 'ERR_MODULE_NOT_FOUND';
}
