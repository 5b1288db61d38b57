/** What a server has to choose from: its flavor, and every collation with its character set. */
import type { LoadClient } from '../support/load/client.ts';
import type { Flavor } from '../support/servers/servers.ts';

export interface Collation {
  charset: string;
  name: string;
  /** Bytes of its longest character. */
  bytes: number;
}

export interface ServerFacts {
  flavor: Flavor;
  collations: readonly Collation[];
}

/** In the order of their names, so that a seed means the same on servers of one version. */
export async function serverFacts(client: LoadClient, flavor: Flavor): Promise<ServerFacts> {
  const full = flavor === 'mysql' ? 'COLLATION_NAME' : 'FULL_COLLATION_NAME';
  const rows = await client.rows(
    `SELECT c.CHARACTER_SET_NAME, c.${full}, s.MAXLEN
       FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY c
       JOIN information_schema.CHARACTER_SETS s USING (CHARACTER_SET_NAME)
      ORDER BY 1, 2`,
  );
  const collations = rows.map(([charset, name, bytes]) => ({
    charset: String(charset),
    name: String(name),
    bytes: Number(bytes),
  }));
  return { flavor, collations };
}
