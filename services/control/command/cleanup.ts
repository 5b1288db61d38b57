/**
 * The use case cleanup: how many rows that have moved are still at their old place, and how far
 * control is with deleting them. The servers are asked; nothing is changed from here.
 */
import { type Job, type JobSource, movingTables } from '../../../shared/job/job.ts';
import { inspectJobTable } from '../../../shared/job/job-key.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified } from '../../../shared/mysql/identifier.ts';
import { readCleanup } from '../../../shared/mysql/moved-rows.ts';
import { movedTo } from '../cutover/cleanup.ts';

/** Rows of one table at one old place, for one new owner. */
export interface CleanupPlace {
  source: string;
  table: string;
  target: string;
  /** Rows that are there now and belong to the target. */
  left: number;
  /** Of the newest run. */
  deleted: number;
  /** Left because they are not equal on the new owner; of the newest run. */
  kept: number;
}

/** Reads each table that moves as a whole, on each server. */
export async function cleanupPlaces(job: Job): Promise<CleanupPlace[]> {
  const places = await Promise.all(job.sources.map(source => placesOf(job, source)));
  return places.flat();
}

async function placesOf(job: Job, source: JobSource): Promise<CleanupPlace[]> {
  await using session = await MysqlSession.open(source, { role: 'read', side: 'source' });
  const done = await readCleanup(session, source.database, job.job);
  const places: CleanupPlace[] = [];
  for (const table of movingTables(job)) {
    const schema = await inspectJobTable(session, job, source.database, table);
    const route = routeOf(job, schema, source.name);
    for (const [number, { name: target }] of job.targets.entries()) {
      const [row] = await session.query<{ n: string | number }>(
        `SELECT COUNT(*) AS n FROM ${qualified(source.database, table)}
          WHERE ${movedTo(route, number, table)}`,
      );
      const known = done.find(d => d.table === table && d.target === target);
      const { deleted = 0, kept = 0 } = known ?? {};
      places.push({ source: source.name, table, target, left: Number(row?.n ?? 0), deleted, kept });
    }
  }
  return places;
}
