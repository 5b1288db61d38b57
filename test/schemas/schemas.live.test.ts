/**
 * Every schema of docs/SCHEMAS.md, one after the other on the same servers, each in a job of its
 * own. `npm run schemas` holds the page to what it sees; `npm run schemas -- -u` writes it anew.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Servers } from '../support/servers/servers.ts';
import { page, reasonRows, type SchemaResult, schemaRow } from './answer.ts';
import { LONG, SHORT } from './catalogue.ts';
import { lacking } from './package.ts';
import { SchemaJob } from './schema-job.ts';

const MINUTES = 60_000;
const PAGE = fileURLToPath(new URL('../../docs/SCHEMAS.md', import.meta.url));
const results: SchemaResult[] = [];
let mysql: Servers;

beforeAll(async () => {
  const lack = lacking([...SHORT, ...LONG]);
  if (lack !== undefined) throw new Error(`the packages of these schemas need ${lack}`);
  mysql = await SchemaJob.servers();
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

test.each([...SHORT, ...LONG])(
  '$name is copied under changes, and equal',
  async schema => {
    await using job = await SchemaJob.prepare(mysql, [schema]);
    const found = await job.run();
    console.log([...found.map(schemaRow), ...found.flatMap(reasonRows)].join('\n'));
    expect(await job.differing()).toEqual([]);
    const { code, out } = await job.verify();
    expect(code, out).toBe(0);
    results.push(...found);
  },
  12 * MINUTES,
);

test('the page says what was seen', async () => {
  await expect(page(results)).toMatchFileSnapshot(PAGE);
});
