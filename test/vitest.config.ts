/**
 * Three projects. `unit` needs nothing but Node, the others need servers, by the end of a file's
 * name. Those of `live` have databases, jobs and often servers of their own, and wait most of the
 * time: three files at a time. Those of `alone` change what others would notice, or measure.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';

const SOURCES = ['shared', 'services', 'schemas', 'test'];
const LIVE = SOURCES.map(folder => `${folder}/**/*.{mysql,kafka,live}.test.ts`);
const ALONE = [
  // They change settings of the common servers, end connections there, or read their counters.
  'services/binlog/capture/source-facts.mysql.test.ts',
  'services/sink/destination/mysql/{halt,worker}.mysql.test.ts',
  'shared/mysql/{range-sql,raw-query}.mysql.test.ts',
  // Statements that it logs there stop whoever reads that server's binlog.
  'test/binlog/refused-events.live.test.ts',
  // It measures how soon work flows again.
  'test/availability/members.live.test.ts',
];
const SERVERS = {
  globalSetup: ['test/support/servers/global-setup.ts'],
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

/**
 * Every crash point in turn takes long, as do every published schema and a hundred thousand
 * differences: `npm run crash`, `npm run schemas`, `npm run differences`; short forms hold some.
 * Foreign sinks of every type want programs that nothing else here does: `npm run consumers`.
 */
const SLOW = [
  'crash/crash',
  'cutover/kill',
  'schemas/schemas',
  'detection/differences',
  'consumers/sink',
]
  .map(name => `test/${name}.live`)
  .flatMap(file => (process.argv.some(a => a.startsWith(file)) ? [] : [`${file}.test.ts`]));

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from there
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: SOURCES.map(folder => `${folder}/**/*.test.ts`),
          exclude: [...LIVE, ...SLOW],
          // Nothing else runs meanwhile.
          maxWorkers: availableParallelism(),
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          ...SERVERS,
          name: 'live',
          include: LIVE,
          exclude: [...ALONE, ...SLOW],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...SERVERS,
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
