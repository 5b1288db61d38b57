/** A job file and what stands beside it, wherever the command is run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readJob } from './job-file.ts';

const DIR = mkdtempSync(path.join(os.tmpdir(), 'reshard-job-file-'));
const FILE = path.join(DIR, 'job.yaml');

writeFileSync(
  FILE,
  `job: shop
kafka: { brokers: ["a:1"] }
registry: { url: "http://a:1" }
sources: [{ name: s1, host: a, port: 1, user: u, database: shop }]
targets: [{ name: t1, host: a, port: 2, user: u, database: shop }]
route: { kind: lookup, column: tenant, file: tenants.csv }
tables: [{ name: users }]
`,
);

afterAll(() => rmSync(DIR, { recursive: true }));

test('a lookup table is read from the folder of the job file', async () => {
  await expect(readJob(FILE)).rejects.toMatchObject({
    kind: 'config',
    message: expect.stringMatching(/cannot read tenants.csv, which .*job.yaml names/),
    remedy: expect.stringMatching(/folder of the job file/),
  });
  writeFileSync(path.join(DIR, 'tenants.csv'), 'acme,t1\n');
  expect((await readJob(FILE)).route).toMatchObject({ kind: 'list', values: { t1: ['acme'] } });
});
