/**
 * I6 for schemas that nobody here wrote: the first four of docs/SCHEMAS.md in one job,
 * with one of their own migrations running. All of them: `npm run schemas`.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { reasonRows, rowsOf, schemaRow } from './answer.ts';
import { SHORT } from './catalogue.ts';
import { lacking } from './package.ts';
import { SchemaJob } from './schema-job.ts';

const MINUTES = 60_000;
const PAGE = new URL('../../docs/SCHEMAS.md', import.meta.url);
const lack = lacking(SHORT);
if (lack !== undefined) console.log(`without ${lack} no published schema can be fetched`);

test.skipIf(lack !== undefined)(
  'published schemas are copied under changes and a migration of their own, as the page says',
  async () => {
    await using mysql = await SchemaJob.servers();
    await using job = await SchemaJob.prepare(mysql, SHORT);
    const results = await job.run();
    expect(await job.differing()).toEqual([]);
    const { code, out } = await job.verify();
    expect(code, out).toBe(0);

    const told = rowsOf(readFileSync(PAGE, 'utf8'));
    const here = told.filter(row => SHORT.some(s => row.startsWith(`| ${s.name} |`)));
    expect([...results.map(schemaRow), ...results.flatMap(reasonRows)]).toEqual(here);

    const table = await job.damage();
    expect(await job.differing()).toEqual([expect.stringMatching(`^${table} .* missing$`)]);
  },
  5 * MINUTES,
);
