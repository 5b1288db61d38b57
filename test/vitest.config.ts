/**
 * Two projects: `unit` needs nothing but Node, `live` needs servers, by the end of a file's name.
 * Live tests share one set of servers and run a file at a time, so that they do not measure or
 * starve each other; a test that kills a server starts one of its own.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const SOURCES = ['shared', 'services', 'schemas', 'test'];
const LIVE = SOURCES.map(folder => `${folder}/**/*.{mysql,kafka,live}.test.ts`);

/** Every crash point in turn takes long: `npm run crash`; the short form holds some of them. */
const EVERY_CRASH = 'test/crash/crash.live.test.ts';
const SLOW = process.argv.some(a => a.startsWith('test/crash/crash')) ? [] : [EVERY_CRASH];

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from there
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: SOURCES.map(folder => `${folder}/**/*.test.ts`),
          exclude: [...LIVE, ...SLOW],
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'live',
          include: LIVE,
          exclude: SLOW,
          globalSetup: ['test/support/servers/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
