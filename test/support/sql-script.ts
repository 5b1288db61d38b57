/** Runs a script as a client by hand does: statement after statement, until one fails. */
import mysql from 'mysql2/promise';
import type { LoadEndpoint } from './load/client.ts';

/** What each statement has answered. */
export async function runScript(endpoint: LoadEndpoint, script: string): Promise<unknown[]> {
  const { host, port, user, password } = endpoint;
  const connection = await mysql.createConnection({
    ...{ host, port, user, password, multipleStatements: true },
  });
  try {
    const [results] = await connection.query(script);
    return Array.isArray(results) ? results : [results];
  } finally {
    await connection.end();
  }
}
