/** A fence goes by a route that a trigger computes as we do, or there is none. */
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { ColumnType } from '../../../shared/type/column-type.ts';
import { fencedTables } from './fenced-tables.ts';

const server = (name: string): object => ({ name, user: 'u', database: 'shop' });
const range = (...ranges: object[]): object => ({ kind: 'range', column: 'at', ranges });

function conditionBy(type: ColumnType): string {
  const job = parseJob(
    JSON.stringify({
      ...{
        job: 'shop',
        kind: 'expand',
        kafka: { brokers: ['b:1'] },
        registry: { url: 'http://r' },
      },
      ...{ sources: [server('c1')], targets: [server('c2')], tables: [{ name: 'events' }] },
      oldRoute: range({ target: 'c1' }),
      route: range({ below: '2026-01-01 00:00:00', target: 'c1' }, { target: 'c2' }),
    }),
    {},
  );
  const column = {
    autoIncrement: false,
    nullable: false,
    generated: 'no',
    invisible: false,
  } as const;
  const schema: TableSchema = {
    ...{ db: 'shop', table: 'events', primaryKey: [0], uniqueKeys: [] },
    columns: [{ name: 'at', type, ...column }],
  };
  const plansOf = () => [{ table: 'events', schema }];
  const [source] = job.sources;
  if (source === undefined) throw new Error('a source');
  const [fenced] = fencedTables(job, { plansOf } as unknown as JobView, source);
  return fenced?.condition(name => `NEW.${name}`) ?? 'none';
}

test('a TIMESTAMP is another text in each time zone, a DATETIME is not', () => {
  expect(conditionBy({ kind: 'datetime', fsp: 0 })).toMatch(/CAST\(NEW\.at AS CHAR\)/);
  expect(() => conditionBy({ kind: 'timestamp', fsp: 0 })).toThrow(
    /trigger cannot compute the route of events/,
  );
});
