/** Tables whose key is a text, one for each collation that a job may meet, and texts for them. */
import type { Random } from '../support/load/random.ts';
import { SHARD_COLUMN } from '../support/load/tables.ts';

export interface KeyTable {
  name: string;
  /** CREATE TABLE. */
  sql: string;
  charset: 'utf8mb4' | 'latin1' | 'ascii';
}

function table(
  name: string,
  type: string,
  collation: string,
  o: { key?: string; unique?: string } = {},
): KeyTable {
  const charset = collation.startsWith('latin1')
    ? 'latin1'
    : collation.startsWith('ascii')
      ? 'ascii'
      : 'utf8mb4';
  const unique = o.unique === undefined ? '' : `, UNIQUE KEY (${o.unique})`;
  const sql = `CREATE TABLE ${name} (
    k ${type} CHARACTER SET ${charset} COLLATE ${collation} NOT NULL,
    n INT NOT NULL, ${SHARD_COLUMN} INT NOT NULL, v INT NOT NULL,
    PRIMARY KEY (${o.key ?? 'k'})${unique})`;
  return { name, sql, charset };
}

const GENERAL = table('k_general', 'VARCHAR(60)', 'utf8mb4_general_ci', { unique: 'v, n' });
const PADDED = table('k_pad', 'VARCHAR(60)', 'utf8mb4_bin');

export const MYSQL_TABLES: readonly KeyTable[] = [
  GENERAL,
  PADDED,
  table('k_default', 'VARCHAR(60)', 'utf8mb4_0900_ai_ci'),
  table('k_case', 'CHAR(60)', 'utf8mb4_0900_as_cs'),
  table('k_two', 'VARCHAR(60)', 'utf8mb4_0900_ai_ci', { key: 'n, k', unique: 'v, k' }),
  table('k_swedish', 'VARCHAR(60)', 'latin1_swedish_ci'),
  table('k_other', 'CHAR(60)', 'latin1_german2_ci', { key: 'k, n' }),
];

export const MARIADB_TABLES: readonly KeyTable[] = [
  GENERAL,
  PADDED,
  table('k_default', 'VARCHAR(60)', 'utf8mb4_uca1400_ai_ci'),
  table('k_case', 'VARCHAR(60)', 'utf8mb4_uca1400_nopad_as_ci'),
  table('k_two', 'VARCHAR(60)', 'utf8mb4_unicode_ci', { key: 'n, k', unique: 'v, k' }),
];

/** Many of these are one key for many collations; which ones, the server alone says. */
const SPELLINGS: Record<KeyTable['charset'], readonly string[]> = {
  ascii: ['key', 'KEY', 'Key', 'kEY', 'key ', 'key  ', 'k-ey'],
  latin1: ['key', 'KEY', 'kéy', 'key ', 'kÊy  ', 'straße', 'STRASSE', 'ärger', 'aerger', 'ÄRGER'],
  utf8mb4: [
    ...['key', 'KEY', 'kéy', 'ke\u0301y', 'key ', 'key  ', 'ｋｅｙ', 'k\u200dey', 'straße'],
    ...['STRASSE', 'strase', 'strasse ', 'œuvre', 'oeuvre', '😀', '😁', '', ' ', 'Ключ', 'ключ'],
  ],
};

const KEYS = 12;

/** A key of few, in any spelling of it. */
export function spelling(random: Random, { charset }: KeyTable): string {
  return `${random.below(KEYS)}${random.pick(SPELLINGS[charset])}`;
}
