/** Runs a script as a client by hand does: statement after statement, until one fails. */
import mysql from 'mysql2/promise';
import type { LoadEndpoint } from './load/client.ts';

export async function runScript(endpoint: LoadEndpoint, script: string): Promise<void> {
  const { host, port, user, password } = endpoint;
  const connection = await mysql.createConnection({
    ...{ host, port, user, password, multipleStatements: true },
  });
  try {
    await connection.query(script);
  } finally {
    await connection.end();
  }
}
