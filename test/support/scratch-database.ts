/** A database for the tests of one file, on a common server that other files use meanwhile. */
import { MysqlSession, type Role } from '../../shared/mysql/connect.ts';
import { commonServer } from './dev.ts';

export interface ScratchOptions {
  role: Role;
  /** Common server; s1 by default. */
  server?: string;
  /** What follows the name in CREATE DATABASE; utf8mb4 by default. */
  declared?: string;
}

/** Makes the database anew; the session is in it. */
export async function openScratch(database: string, o: ScratchOptions): Promise<MysqlSession> {
  const session = await MysqlSession.open(commonServer(o.server ?? 's1'), { role: o.role });
  await session.rawQuery(`DROP DATABASE IF EXISTS ${database}`);
  await session.rawQuery(`CREATE DATABASE ${database} ${o.declared ?? 'CHARACTER SET utf8mb4'}`);
  await session.rawQuery(`USE ${database}`);
  return session;
}

/** The end of it; a session that was never opened is none to close. */
export async function dropScratch(
  session: MysqlSession | undefined,
  database: string,
): Promise<void> {
  await session?.rawQuery(`DROP DATABASE IF EXISTS ${database}`);
  await session?.close();
}
