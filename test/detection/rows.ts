/**
 * Rows that are lost, added, doubled, misrouted, mixed up or left behind, and what others write
 * and undo again. `plain` is damaged row by row, `wide` at the ends of ranges (a range of a check
 * has 20,000 rows, whose keys are ten apart), `words` in the spelling of its keys, `gone` as a whole.
 */
import type { DifferenceKind } from '../../shared/job/state/check-result.ts';
import { type Damage, type DetectionTable, otherTarget, type Told, targetOf } from './damage.ts';

const PLAIN_ROWS = 2000;
/** Ids of `plain` above this one are those of the load. */
export const LOADED_FROM = 1000;
const RANGE_ROWS = 20_000;
const WIDE_ROWS = 2 * RANGE_ROWS + 3000;
const STEP = 10;
const GONE_ROWS = 40;

function numbers(n: number): string {
  return `WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < ${n})`;
}

/** More rows than a recursion has levels. */
const WIDE_IDS = `${numbers(250)} SELECT ${STEP} * (a.id - 1 + 250 * (b.id - 1)) + ${STEP} AS id
  FROM n a, n b HAVING id <= ${STEP * WIDE_ROWS}`;

export const ROW_TABLES: readonly DetectionTable[] = [
  {
    name: 'plain',
    create: `CREATE TABLE plain (id INT PRIMARY KEY, customer_id INT NOT NULL, a VARCHAR(40),
      b VARCHAR(40), amount INT NOT NULL, code VARCHAR(40) NOT NULL, UNIQUE KEY code (code))`,
    fill: [
      `INSERT INTO plain ${numbers(500)}
        SELECT n.id + 500 * m.k, n.id + 500 * m.k, CONCAT('a', n.id + 500 * m.k),
          CONCAT('b', n.id + 500 * m.k), 100, CONCAT('code', n.id + 500 * m.k)
        FROM n, (SELECT 0 AS k UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) m
        WHERE n.id + 500 * m.k <= ${PLAIN_ROWS}`,
    ],
  },
  {
    name: 'wide',
    create: 'CREATE TABLE wide (id INT PRIMARY KEY, customer_id INT NOT NULL, v INT NOT NULL)',
    fill: [`INSERT INTO wide SELECT id, id / ${STEP}, 0 FROM (${WIDE_IDS}) ids`],
  },
  {
    name: 'words',
    hasTextKey: true,
    create: `CREATE TABLE words (word VARCHAR(40) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY,
      customer_id INT NOT NULL, v INT NOT NULL)`,
    fill: [`INSERT INTO words ${numbers(20)} SELECT CONCAT('word', id), id, id FROM n`],
  },
  {
    name: 'gone',
    create: 'CREATE TABLE gone (id INT PRIMARY KEY, customer_id INT NOT NULL)',
    fill: [`INSERT INTO gone ${numbers(GONE_ROWS)} SELECT id, id FROM n`],
  },
  {
    name: 'bare',
    create: 'CREATE TABLE bare (id INT PRIMARY KEY, customer_id INT NOT NULL)',
    fill: [],
  },
];

const LARGEST = 2_147_483_647;

function plainRow(id: number, a = `a${id}`): string {
  return `INSERT INTO plain VALUES (${id}, ${id}, '${a}', 'b${id}', 100, 'code${id}')`;
}

function plain(kind: DifferenceKind, ...ids: number[]): Told[] {
  return ids.map(id => ({ table: 'plain', kind, key: `${id}` }));
}

/** Statements on the target that has the row of an id. */
function on(id: number, ...sql: string[]): { target: number; sql: string }[] {
  return sql.map(s => ({ target: targetOf(id), sql: s }));
}

function off(id: number, ...sql: string[]): { target: number; sql: string }[] {
  return sql.map(s => ({ target: otherTarget(id), sql: s }));
}

const LOST_AND_FOUND: readonly Damage[] = [
  {
    what: 'row lost',
    done: on(10, 'DELETE FROM plain WHERE id = 10'),
    told: plain('missing', 10),
  },
  { what: 'row added, among others', done: on(4, plainRow(-4)), told: plain('extra', -4) },
  {
    what: 'row added to a table that is empty on the source',
    done: on(3, 'INSERT INTO bare VALUES (3, 3)'),
    told: [{ table: 'bare', kind: 'extra', key: '3' }],
  },
  {
    what: 'row on its target and on another one',
    done: off(20, plainRow(20)),
    told: plain('extra', 20),
  },
  {
    what: 'row on another target than its own',
    done: [...on(30, 'DELETE FROM plain WHERE id = 30'), ...off(30, plainRow(30))],
    told: plain('misplaced', 30),
  },
  {
    what: "rows of two targets in each other's place",
    done: [
      ...on(41, 'DELETE FROM plain WHERE id = 41', plainRow(42)),
      ...on(42, 'DELETE FROM plain WHERE id = 42', plainRow(41)),
    ],
    told: plain('misplaced', 41, 42),
  },
  {
    what: 'row lost, and another one added in its place',
    done: on(50, 'UPDATE plain SET id = -50 WHERE id = 50'),
    told: [...plain('missing', 50), ...plain('extra', -50)],
  },
  {
    what: 'delete that never came',
    before: ['DELETE FROM plain WHERE id = 60'],
    done: on(60, plainRow(60)),
    told: plain('extra', 60),
  },
  {
    what: 'change that never came',
    before: ["UPDATE plain SET a = 'newer' WHERE id = 70"],
    done: on(70, "UPDATE plain SET a = 'a70' WHERE id = 70"),
    told: plain('different', 70),
  },
  {
    what: 'insert that never came',
    before: [plainRow(-100)],
    done: on(-100, 'DELETE FROM plain WHERE id = -100'),
    told: plain('missing', -100),
  },
  {
    what: 'move to another target that came by half',
    before: ['UPDATE plain SET customer_id = 81 WHERE id = 80'],
    done: on(80, plainRow(80)),
    told: plain('extra', 80),
  },
  {
    what: 'row lost with sql_log_bin = 0',
    isUnlogged: true,
    done: on(
      200,
      'SET SESSION sql_log_bin = 0',
      'DELETE FROM plain WHERE id = 200',
      'SET SESSION sql_log_bin = 1',
    ),
    told: plain('missing', 200),
  },
  {
    what: 'all rows of a target gone by TRUNCATE',
    isStatement: true,
    done: [{ target: 1, sql: 'TRUNCATE TABLE gone' }],
    told: Array.from({ length: GONE_ROWS }, (_, i) => i + 1)
      .filter(id => targetOf(id) === 1)
      .map(id => ({ table: 'gone', kind: 'missing', key: `${id}` })),
  },
];

const MIXED_UP: readonly Damage[] = [
  {
    what: 'unique values of two rows swapped',
    done: on(
      90,
      "UPDATE plain SET code = 'x' WHERE id = 90",
      "UPDATE plain SET code = 'code90' WHERE id = 92",
      "UPDATE plain SET code = 'code92' WHERE id = 90",
    ),
    told: plain('different', 90, 92),
  },
  {
    what: 'values of two columns of a row swapped',
    done: on(100, "UPDATE plain SET a = 'b100', b = 'a100' WHERE id = 100"),
    told: plain('different', 100),
  },
  {
    what: 'column values of two rows swapped',
    done: on(110, "UPDATE plain SET a = IF(id = 110, 'a112', 'a110') WHERE id IN (110, 112)"),
    told: plain('different', 110, 112),
  },
  {
    what: 'a comma moved from one text to the next',
    before: ["UPDATE plain SET a = 'x,y', b = 'z' WHERE id = 120"],
    done: on(120, "UPDATE plain SET a = 'x', b = 'y,z' WHERE id = 120"),
    told: plain('different', 120),
  },
  {
    what: 'one more in a row and one less in another, as a sum cancels',
    done: on(130, 'UPDATE plain SET amount = amount + IF(id = 130, 1, -1) WHERE id IN (130, 132)'),
    told: plain('different', 130, 132),
  },
  {
    what: 'the same change in two rows, as an XOR cancels',
    before: ["UPDATE plain SET a = 'same', b = 'same' WHERE id IN (140, 142)"],
    done: on(140, "UPDATE plain SET a = 'other', b = 'other' WHERE id IN (140, 142)"),
    told: plain('different', 140, 142),
  },
  {
    what: 'column of the route, to a value of the same target',
    done: on(150, 'UPDATE plain SET customer_id = 152 WHERE id = 150'),
    told: plain('different', 150),
  },
  {
    what: 'column of the route, to a value of another target',
    done: on(160, 'UPDATE plain SET customer_id = 161 WHERE id = 160'),
    told: plain('different', 160),
  },
  {
    what: 'key of text in another case',
    done: on(1, "UPDATE words SET word = 'WORD1' WHERE word = 'word1'"),
    told: spelled('word1', 'WORD1'),
  },
  {
    what: 'key of text with an accent',
    done: on(2, "UPDATE words SET word = 'wörd2' WHERE word = 'word2'"),
    told: spelled('word2', 'wörd2'),
  },
];

function spelled(was: string, is: string): Told[] {
  return [
    { table: 'words', kind: 'missing', key: was },
    { table: 'words', kind: 'extra', key: is },
  ];
}

/** Of the row that is number `n` of `wide`, from 1. */
function edge(what: string, n: number): Damage {
  const id = STEP * n;
  return {
    what: `${what} changed`,
    done: [{ target: targetOf(n), sql: `UPDATE wide SET v = 1 WHERE id = ${id}` }],
    told: [{ table: 'wide', kind: 'different', key: `${id}` }],
  };
}

function beyond(what: string, id: number): Damage {
  return {
    what: `row added ${what}`,
    done: [{ target: 0, sql: `INSERT INTO wide VALUES (${id}, 0, 0)` }],
    told: [{ table: 'wide', kind: 'extra', key: `${id}` }],
  };
}

/** More rows in a row than are compared one by one. */
const LOST_FROM = 30_001;
const LOST_ROWS = 280;

const RANGES: readonly Damage[] = [
  edge('first row of the first range', 1),
  edge('last row of a range', RANGE_ROWS),
  edge('first row of the next range', RANGE_ROWS + 1),
  edge('last row of the last range', WIDE_ROWS),
  beyond('before the first key of the source', -1),
  beyond('between two ranges', STEP * RANGE_ROWS + 5),
  beyond('behind the last key of the source', LARGEST),
  {
    what: 'a run of rows lost',
    isRun: true,
    done: [0, 1].map(target => ({
      target,
      sql: `DELETE FROM wide WHERE id >= ${STEP * LOST_FROM} AND id < ${STEP * (LOST_FROM + LOST_ROWS)}`,
    })),
    told: Array.from({ length: LOST_ROWS }, (_, i) => {
      return { table: 'wide', kind: 'missing', key: `${STEP * (LOST_FROM + i)}` };
    }),
  },
];

/** Somebody has been there, and has put everything back. */
const UNDONE: readonly Damage[] = [
  {
    what: 'row changed and changed back',
    undone: ['plain 170'],
    done: on(
      170,
      "UPDATE plain SET a = 'x', amount = 0 WHERE id = 170",
      "UPDATE plain SET a = 'a170', amount = 100 WHERE id = 170",
    ),
    told: [],
  },
  {
    what: 'row deleted and put back',
    undone: ['plain 180'],
    done: on(180, 'DELETE FROM plain WHERE id = 180', plainRow(180)),
    told: [],
  },
  {
    what: 'row added and deleted',
    undone: ['plain 190'],
    done: off(190, plainRow(190), 'DELETE FROM plain WHERE id = 190'),
    told: [],
  },
];

export const ROW_DAMAGES: readonly Damage[] = [
  ...LOST_AND_FOUND,
  ...MIXED_UP,
  ...RANGES,
  ...UNDONE,
];
