/**
 * The kinds of work of the soak: every way in which SQL changes a row, on two tables, with keys
 * that collide. What is touched is decided by the random stream alone, so that a seed repeats it;
 * whether it hits or fails is up to the other connections.
 */
import type { LoadClient } from '../support/load/client.ts';
import type { LoadWork } from '../support/load/load.ts';
import type { Random } from '../support/load/random.ts';
import { bytes, COLUMNS, type KeySpace, text } from './tables.ts';

type Client = Pick<LoadClient, 'run' | 'value'>;
type Piece = (db: Client, random: Random, space: KeySpace) => Promise<number>;
type Table = 'accounts' | 'entries';

const tableOf = (random: Random): Table => (random.chance(0.5) ? 'accounts' : 'entries');

function rowOf(table: Table, random: Random, space: KeySpace) {
  return table === 'accounts'
    ? space.accountRow(random, space.account(random))
    : space.entryRow(random);
}

function rowsOf(table: Table, random: Random, space: KeySpace, most: number) {
  return Array.from({ length: 1 + random.below(most) }, () => rowOf(table, random, space));
}

function keyOf(table: Table, random: Random, space: KeySpace): { where: string; key: number[] } {
  return table === 'accounts'
    ? { where: 'no=?', key: [space.account(random)] }
    : { where: 'no=? AND seq=?', key: space.entry(random) };
}

function ukOf(table: Table, random: Random, space: KeySpace) {
  return table === 'accounts' ? space.accountUk(random) : space.entryUk(random);
}

function valueFor(table: Table, random: Random) {
  return table === 'accounts' ? text(random) : bytes(random);
}

const insert =
  (verb: string, tail = ''): Piece =>
  (db, random, space) => {
    const table = tableOf(random);
    const rows = rowsOf(table, random, space, 4);
    return db.run(`${verb} INTO ${table} (${COLUMNS}) VALUES ? ${tail}`, [rows]);
  };

const SINGLE = {
  insert: insert('INSERT'),
  insertIgnore: insert('INSERT IGNORE'),
  replace: insert('REPLACE'),
  /** Keeps the key and the unique value of the row that is there. */
  upsert: insert(
    'INSERT',
    'ON DUPLICATE KEY UPDATE seq=seq, update_cnt=update_cnt+1, val=VALUES(val)',
  ),
  /** Takes the sharding column too, so the row moves. */
  upsertMoving: insert(
    'INSERT',
    'ON DUPLICATE KEY UPDATE customer_id=VALUES(customer_id), update_cnt=update_cnt+1',
  ),
  /** The server chooses the key. */
  insertNext: (db, random, space) =>
    db.run(`INSERT INTO accounts (${COLUMNS}) VALUES ?`, [
      Array.from({ length: 1 + random.below(3) }, () => space.accountRow(random, null)),
    ]),
  /** Keeps the keys that the server chose from growing without end. */
  deleteLast: (db, random) =>
    db.run('DELETE FROM accounts ORDER BY no DESC LIMIT ?', [random.between(1, 6)]),
  update: (db, random, space) => {
    const table = tableOf(random);
    const { where, key } = keyOf(table, random, space);
    const sql = `UPDATE ${table} SET update_cnt=update_cnt+1, val=? WHERE ${where}`;
    return db.run(sql, [valueFor(table, random), ...key]);
  },
  updateMany: (db, random, space) => {
    const table = tableOf(random);
    const [from = 0] = keyOf(table, random, space).key;
    const sql = `UPDATE ${table} SET update_cnt=update_cnt+1 WHERE no BETWEEN ? AND ?`;
    return db.run(sql, [from, from + random.below(12)]);
  },
  updateUk: (db, random, space) => {
    const table = tableOf(random);
    const { where, key } = keyOf(table, random, space);
    const sql = `UPDATE ${table} SET uk=?, update_cnt=update_cnt+1 WHERE ${where}`;
    return db.run(sql, [ukOf(table, random, space), ...key]);
  },
  updateKey: (db, random, space) => {
    const table = tableOf(random);
    const { where, key } = keyOf(table, random, space);
    const to = keyOf(table, random, space).key;
    const set = table === 'accounts' ? 'no=?' : 'no=?, seq=?';
    return db.run(`UPDATE ${table} SET ${set} WHERE ${where}`, [...to, ...key]);
  },
  updateShard: (db, random, space) => {
    const table = tableOf(random);
    const { where, key } = keyOf(table, random, space);
    return db.run(`UPDATE ${table} SET customer_id=? WHERE ${where}`, [
      space.customer(random),
      ...key,
    ]);
  },
  updateAll: (db, random, space) => {
    const { where, key } = keyOf('accounts', random, space);
    const sql = `UPDATE accounts SET no=?, uk=?, customer_id=?, update_cnt=0 WHERE ${where}`;
    const to = [space.account(random), space.accountUk(random), space.customer(random)];
    return db.run(sql, [...to, ...key]);
  },
  delete: (db, random, space) => {
    const table = tableOf(random);
    const { where, key } = keyOf(table, random, space);
    return db.run(`DELETE FROM ${table} WHERE ${where}`, key);
  },
  deleteByUk: (db, random, space) => {
    const table = tableOf(random);
    return db.run(`DELETE FROM ${table} WHERE uk=?`, [ukOf(table, random, space)]);
  },
} satisfies Record<string, Piece>;

type SingleKind = keyof typeof SINGLE;

const SINGLE_WEIGHTS: Readonly<Record<SingleKind, number>> = {
  insert: 10,
  insertIgnore: 10,
  replace: 8,
  upsert: 8,
  upsertMoving: 6,
  insertNext: 4,
  deleteLast: 2,
  update: 14,
  updateMany: 3,
  updateUk: 8,
  updateKey: 6,
  updateShard: 6,
  updateAll: 3,
  delete: 6,
  deleteByUk: 3,
};

/** Two rows exchange their unique values: in every other order than this one it is a collision. */
const swapUk: Piece = async (db, random, space) => {
  const [a, b] = [space.account(random), space.account(random)].sort((x, y) => x - y);
  if (a === undefined || b === undefined || a === b) return 0;
  await db.run('BEGIN');
  const sql = 'SELECT uk FROM accounts WHERE no=? FOR UPDATE';
  const ukA = await db.value(sql, [a]);
  const ukB = await db.value(sql, [b]);
  const set = 'UPDATE accounts SET uk=? WHERE no=?';
  let rows = 0;
  if (ukA !== undefined && ukB !== undefined) {
    await db.run(set, [`swapping-${a}`, a]);
    await db.run(set, [ukA, b]);
    rows = 1 + (await db.run(set, [ukB, a]));
  }
  await db.run('COMMIT');
  return rows;
};

/** A row goes and another takes its unique value, in one transaction. */
const passUk: Piece = async (db, random, space) => {
  const from = space.account(random);
  await db.run('BEGIN');
  const uk = await db.value('SELECT uk FROM accounts WHERE no=? FOR UPDATE', [from]);
  if (uk !== undefined) {
    await db.run('DELETE FROM accounts WHERE no=?', [from]);
    const row = space.accountRow(random, space.account(random));
    row[2] = uk;
    await db.run(`REPLACE INTO accounts (${COLUMNS}) VALUES (?)`, [row]);
  }
  await db.run('COMMIT');
  return uk === undefined ? 0 : 2;
};

/** Several pieces in one transaction; the fifth part of them is rolled back. */
const transaction: Piece = async (db, random, space) => {
  await db.run('BEGIN');
  let rows = 0;
  for (let left = random.between(2, 6); left > 0; left--) {
    rows += await SINGLE[random.weighted(SINGLE_WEIGHTS)](db, random, space);
  }
  const isUndone = random.chance(0.2);
  await db.run(isUndone ? 'ROLLBACK' : 'COMMIT');
  return isUndone ? 0 : rows;
};

const PIECES = { ...SINGLE, swapUk, passUk, transaction } satisfies Record<string, Piece>;
export type SoakKind = keyof typeof PIECES;

/** Statements that the source has carried out, by kind. */
export class StatementCounts {
  readonly byKind = new Map<string, number>();

  get total(): number {
    return [...this.byKind.values()].reduce((sum, n) => sum + n, 0);
  }

  add(kind: string, count = 1): void {
    this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + count);
  }

  /** The client, counted. */
  of(db: Client): Client {
    return {
      run: async (sql, values) => {
        const rows = await db.run(sql, values);
        this.add(kindOf(sql));
        return rows;
      },
      value: (sql, values) => db.value(sql, values),
    };
  }
}

export function kindOf(sql: string): string {
  if (/^INSERT .* ON DUPLICATE KEY UPDATE /.test(sql)) return 'INSERT ON DUPLICATE KEY UPDATE';
  return /^(INSERT IGNORE|\w+)/.exec(sql)?.[0] ?? sql;
}

export function soakWork(space: KeySpace, counts: StatementCounts): LoadWork<SoakKind> {
  const bound =
    (piece: Piece): LoadWork<SoakKind>['pieces'][SoakKind] =>
    (db, random) =>
      piece(counts.of(db), random, space);
  const { swapUk: swap, passUk: pass, transaction: many, ...single } = PIECES;
  return {
    weights: { ...SINGLE_WEIGHTS, swapUk: 4, passUk: 3, transaction: 12 },
    pieces: {
      ...(Object.fromEntries(
        Object.entries(single).map(([kind, piece]) => [kind, bound(piece)]),
      ) as Record<SingleKind, LoadWork<SoakKind>['pieces'][SoakKind]>),
      swapUk: bound(swap),
      passUk: bound(pass),
      transaction: bound(many),
    },
  };
}
