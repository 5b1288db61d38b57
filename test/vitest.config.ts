/**
 * Three projects: `unit` needs nothing but Node, the others need servers, by the end of a file's
 * name. Tests of `live` share one set of servers, change their settings and end their connections:
 * they run a file at a time. Those of `whole` run the whole product, and have MySQL servers or at
 * least databases of their own: three files at a time, as they wait most of the time.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const SOURCES = ['shared', 'services', 'schemas', 'test'];
const LIVE = SOURCES.map(folder => `${folder}/**/*.{mysql,kafka,live}.test.ts`);
const WHOLE = [
  'test/**/*.live.test.ts',
  'services/control/{cli,doctor}/*.live.test.ts',
  'services/sink/*.live.test.ts',
  // Brokers of their own, which they end and start.
  'shared/kafka/{history,conformance}.kafka.test.ts',
];
/** They measure how soon work flows again, or take all of the machine. */
const ALONE = [
  'test/availability/members.live.test.ts',
  'test/soak/soak.live.test.ts',
  'shared/kafka/failover.kafka.test.ts',
];
const SERVERS = {
  globalSetup: ['test/support/servers/global-setup.ts'],
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

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
          ...SERVERS,
          name: 'whole',
          include: WHOLE,
          exclude: [...ALONE, ...SLOW],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...SERVERS,
          name: 'live',
          include: [...LIVE.filter(l => !l.startsWith('test/')), ...ALONE],
          exclude: [...WHOLE.slice(1), ...SLOW],
          fileParallelism: false,
        },
      },
    ],
  },
});
