/** The route of a job's table, as its job file says: the one place that makes routes. */
import { columnProblem, ModulusRoute } from '../route/modulus.ts';
import type { ColumnProblem, Route } from '../route/route.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { type Job, shardColumn } from './job.ts';

export function routeOf(job: Job, schema: TableSchema): Route {
  return new ModulusRoute(schema, shardColumn(job, schema.table), job.targets.length);
}

/** Why the table cannot be routed by the column, if it cannot. */
export function routeProblem(schema: TableSchema, column: string): ColumnProblem | null {
  return columnProblem(schema, column);
}
