/**
 * Tables that somebody alters on a target. A table that means something else there is not compared:
 * the check of it fails and says why. What changes no value is no difference; what makes another
 * value of every row is one in every row.
 */
import type { DetectionTable, Told } from './damage.ts';

export interface Drift {
  /** What is wrong, for people; unique. */
  what: string;
  table: string;
  /** On the first target. */
  done: string;
  /** What the check of the table says: words of its failure, or differences. */
  told: RegExp | readonly Told[];
}

const ROWS = 6;

export const DRIFTS: readonly Drift[] = [
  {
    what: 'column dropped',
    table: 'drift_dropped',
    done: 'ALTER TABLE drift_dropped DROP COLUMN a',
    told: /drift_dropped has no column a/,
  },
  {
    what: 'column added',
    table: 'drift_added',
    done: 'ALTER TABLE drift_added ADD COLUMN extra INT NULL',
    told: /drift_added has more columns/,
  },
  {
    what: 'column of another type',
    table: 'drift_type',
    done: 'ALTER TABLE drift_type MODIFY a VARBINARY(40)',
    told: /drift_type column a is .*, not /,
  },
  {
    what: 'members of an ENUM in another order',
    table: 'drift_enum',
    done: "ALTER TABLE drift_enum MODIFY kind ENUM('b','a')",
    told: /drift_enum column kind is .*, not /,
  },
  {
    what: 'another primary key',
    table: 'drift_key',
    done: 'ALTER TABLE drift_key DROP PRIMARY KEY, ADD PRIMARY KEY (customer_id)',
    told: /drift_key has another row key/,
  },
  {
    what: 'expression of a generated column',
    table: 'drift_generated',
    done: 'ALTER TABLE drift_generated MODIFY twice INT AS (id * 2 + 0 * id + 1) VIRTUAL',
    told: [2, 4, 6].map(id => ({ table: 'drift_generated', kind: 'different', key: `${id}` })),
  },
  {
    what: 'collation of a column that is in no key',
    table: 'drift_collation',
    done: 'ALTER TABLE drift_collation MODIFY a VARCHAR(40) COLLATE utf8mb4_bin',
    told: [],
  },
  {
    what: 'default of a column',
    table: 'drift_default',
    done: "ALTER TABLE drift_default ALTER COLUMN a SET DEFAULT 'other'",
    told: [],
  },
  {
    what: 'table dropped',
    table: 'drift_gone',
    done: 'DROP TABLE drift_gone',
    told: /drift_gone/,
  },
];

export const DRIFT_TABLES: readonly DetectionTable[] = DRIFTS.map(({ table }) => ({
  name: table,
  create: `CREATE TABLE ${table} (id INT PRIMARY KEY, customer_id INT NOT NULL, a VARCHAR(40),
    kind ENUM('a','b'), twice INT AS (id * 2) VIRTUAL)`,
  fill: [
    `INSERT INTO ${table} (id, customer_id, a, kind)
      WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < ${ROWS})
      SELECT id, id, CONCAT('a', id), 'b' FROM n`,
  ],
}));
