/**
 * What the random load does: each kind is one thing a shop's application would do, and between
 * them they meet every hard case of replication (moved shards, moved keys, swapped unique values,
 * REPLACE that removes another row, rollbacks, savepoints).
 *
 * Which order, customer or value is touched is decided by the random stream alone, never by what
 * the database answered, so a connection's decisions can be replayed. Items always carry the
 * customer of their order: whoever touches both locks the order first.
 */
import type { LoadClient } from './client.ts';
import type { LoadWork } from './load.ts';
import type { Random } from './random.ts';
import {
  CUSTOMER_COLUMNS,
  customerRow,
  type IdSpace,
  ITEM_COLUMNS,
  itemRow,
  ORDER_COLUMNS,
  orderRow,
} from './tables.ts';

/** One piece of work; answers the number of rows it touched. */
type Work = (db: LoadClient, random: Random, space: IdSpace) => Promise<number>;

const INSERT_ORDER = `INSERT INTO orders (${ORDER_COLUMNS}) VALUES (?)`;
const INSERT_ITEM = `INSERT INTO order_items (${ITEM_COLUMNS}) VALUES ?`;
const LOCK_ORDER = 'SELECT customer_id FROM orders WHERE order_id=? FOR UPDATE';

function anyOrderRow(random: Random, space: IdSpace, order = space.newOrder(random)) {
  // Mostly the order's own number; now and then the number of another order, to collide.
  const own = space.orderNo(order - space.orderId(0));
  const orderNo = random.chance(0.9) ? own : space.anyOrderNo(random);
  return orderRow(random, order, space.anyCustomer(random), orderNo);
}

async function transaction(
  db: LoadClient,
  body: () => Promise<number>,
  end: 'COMMIT' | 'ROLLBACK' = 'COMMIT',
): Promise<number> {
  await db.run('BEGIN');
  const rows = await body();
  await db.run(end);
  return end === 'COMMIT' ? rows : 0;
}

/** Adds `count` lines to an order under its lock, so that they carry its customer. */
async function addItems(
  db: LoadClient,
  random: Random,
  order: number,
  count: number,
): Promise<number> {
  const customer = await db.value(LOCK_ORDER, [order]);
  const first = random.between(1, 6);
  const rows = Array.from({ length: count }, (_, i) =>
    itemRow(random, order, first + i, Number(customer ?? 0)),
  );
  return customer === undefined ? 0 : db.run(INSERT_ITEM, [rows]);
}

/** Writes an order whole; its items follow it to the new customer. */
async function writeOrder(
  db: LoadClient,
  random: Random,
  space: IdSpace,
  form: 'replace' | 'upsert',
): Promise<number> {
  const row = anyOrderRow(random, space, space.anyOrder(random));
  const [order, customer] = row;
  if (order === undefined || customer === undefined) throw new Error('an order row is short');
  return transaction(db, async () => {
    const written =
      form === 'replace'
        ? await db.run(`REPLACE INTO orders (${ORDER_COLUMNS}) VALUES (?)`, [row])
        : await db.run(
            `${INSERT_ORDER} ON DUPLICATE KEY UPDATE total=VALUES(total),
             quantity=quantity+1, comment=VALUES(comment)`,
            [row],
          );
    if (form === 'upsert') return written;
    return (
      written +
      (await db.run('UPDATE order_items SET customer_id=? WHERE order_id=?', [customer, order]))
    );
  });
}

async function checkout(
  db: LoadClient,
  random: Random,
  space: IdSpace,
  end: 'COMMIT' | 'ROLLBACK',
): Promise<number> {
  const row = anyOrderRow(random, space);
  const [order, customer] = row;
  if (order === undefined || customer === undefined) throw new Error('an order row is short');
  const lines = random.between(1, 5);
  const keepItems = random.chance(0.8);
  return transaction(
    db,
    async () => {
      let rows = await db.run(INSERT_ORDER, [row]);
      await db.run('SAVEPOINT items');
      rows += await addItems(db, random, Number(order), lines);
      if (!keepItems) await db.run('ROLLBACK TO SAVEPOINT items');
      const paid = 'UPDATE customers SET credit=credit-1.0001, note=? WHERE customer_id=?';
      return rows + (await db.run(paid, [`order ${order}`, customer]));
    },
    end,
  );
}

export const WORK = {
  insertOrder: (db, random, space) => db.run(INSERT_ORDER, [anyOrderRow(random, space)]),
  insertIgnoreOrder: (db, random, space) =>
    db.run(`INSERT IGNORE INTO orders (${ORDER_COLUMNS}) VALUES (?)`, [anyOrderRow(random, space)]),
  insertIgnoreItems: (db, random, space) => {
    const order = space.anyOrder(random);
    return transaction(db, () => addItems(db, random, order, random.between(1, 3)));
  },
  insertCustomer: (db, random, space) =>
    db.run(`INSERT IGNORE INTO customers (${CUSTOMER_COLUMNS}) VALUES (?)`, [
      customerRow(random, space.anyCustomer(random)),
    ]),
  upsertCustomer: (db, random, space) =>
    db.run(
      `INSERT INTO customers (${CUSTOMER_COLUMNS}) VALUES (?)
       ON DUPLICATE KEY UPDATE credit=credit+VALUES(credit), profile=VALUES(profile), email=NULL`,
      [customerRow(random, space.anyCustomer(random))],
    ),
  upsertOrder: (db, random, space) => writeOrder(db, random, space, 'upsert'),
  replaceOrder: (db, random, space) => writeOrder(db, random, space, 'replace'),
  replaceCustomer: (db, random, space) =>
    db.run(`REPLACE INTO customers (${CUSTOMER_COLUMNS}) VALUES (?)`, [
      customerRow(random, space.anyCustomer(random)),
    ]),
  updateOrder: (db, random, space) =>
    db.run(
      `UPDATE orders SET state=?, total=total+0.01, quantity=quantity+?, token=NULL,
       updated_at=NOW(3) WHERE order_id=?`,
      [random.pick(['new', 'paid', 'shipped']), random.between(-3, 3), space.anyOrder(random)],
    ),
  updateOrders: (db, random, space) => {
    const from = space.anyOrder(random);
    return db.run('UPDATE orders SET quantity=quantity+1 WHERE order_id BETWEEN ? AND ?', [
      from,
      from + random.below(20),
    ]);
  },
  updateItems: (db, random, space) =>
    db.run('UPDATE order_items SET quantity=quantity+1, weight=weight*1.1 WHERE order_id=?', [
      space.anyOrder(random),
    ]),
  /** The sharding key of an order and its items: they move to another target. */
  moveOrder: (db, random, space) => {
    const order = space.anyOrder(random);
    const customer = space.anyCustomer(random);
    return transaction(
      db,
      async () =>
        (await db.run('UPDATE orders SET customer_id=? WHERE order_id=?', [customer, order])) +
        (await db.run('UPDATE order_items SET customer_id=? WHERE order_id=?', [customer, order])),
    );
  },
  /** A customer gets another id: primary and sharding key at once, with all that is theirs. */
  moveCustomer: (db, random, space) => {
    const from = space.anyCustomer(random);
    const to = space.anyCustomer(random);
    return transaction(db, async () => {
      let rows = await db.run('UPDATE orders SET customer_id=? WHERE customer_id=?', [to, from]);
      rows += await db.run('UPDATE order_items SET customer_id=? WHERE customer_id=?', [to, from]);
      rows += await db.run('DELETE FROM customers WHERE customer_id=?', [to]);
      const rename = 'UPDATE customers SET customer_id=? WHERE customer_id=?';
      return rows + (await db.run(rename, [to, from]));
    });
  },
  /** The primary key of an order and of its items. */
  renumberOrder: (db, random, space) => {
    const from = space.anyOrder(random);
    const to = space.anyOrder(random);
    return transaction(db, async () => {
      const rows = await db.run('UPDATE orders SET order_id=? WHERE order_id=?', [to, from]);
      return (
        rows +
        (await db.run('DELETE FROM order_items WHERE order_id=?', [to])) +
        (await db.run('UPDATE order_items SET order_id=? WHERE order_id=?', [to, from]))
      );
    });
  },
  changeOrderNo: (db, random, space) =>
    db.run('UPDATE orders SET order_no=? WHERE order_id=?', [
      space.anyOrderNo(random),
      space.anyOrder(random),
    ]),
  /** Two orders exchange their unique numbers: no target may apply that row by row. */
  swapOrderNo: (db, random, space) => {
    const a = space.anyOrder(random);
    const b = space.anyOrder(random);
    const number = 'SELECT order_no FROM orders WHERE order_id=? FOR UPDATE';
    const set = 'UPDATE orders SET order_no=? WHERE order_id=?';
    return transaction(db, async () => {
      const ofA = await db.value(number, [a]);
      const ofB = await db.value(number, [b]);
      if (ofA === undefined || ofB === undefined || a === b) return 0;
      await db.run(set, [`swap-${a}`, a]);
      await db.run(set, [ofA, b]);
      return 1 + (await db.run(set, [ofB, a]));
    });
  },
  /** A unique number passes from a deleted order to a new one within a transaction. */
  reuseOrderNo: (db, random, space) => {
    const old = space.anyOrder(random);
    const row = anyOrderRow(random, space);
    return transaction(db, async () => {
      const query = 'SELECT order_no FROM orders WHERE order_id=? FOR UPDATE';
      const orderNo = await db.value(query, [old]);
      if (orderNo === undefined) return 0;
      const rows = await db.run('DELETE FROM orders WHERE order_id=?', [old]);
      row[2] = orderNo;
      return rows + (await db.run(INSERT_ORDER, [row]));
    });
  },
  deleteOrder: (db, random, space) => {
    const order = space.anyOrder(random);
    return transaction(
      db,
      async () =>
        (await db.run('DELETE FROM orders WHERE order_id=?', [order])) +
        (await db.run('DELETE FROM order_items WHERE order_id=?', [order])),
    );
  },
  deleteItem: (db, random, space) =>
    db.run('DELETE FROM order_items WHERE order_id=? AND line_no=?', [
      space.anyOrder(random),
      random.between(1, 4),
    ]),
  deleteCustomer: (db, random, space) =>
    db.run('DELETE FROM customers WHERE customer_id=?', [space.anyCustomer(random)]),
  checkout: (db, random, space) => checkout(db, random, space, 'COMMIT'),
  rolledBack: (db, random, space) => checkout(db, random, space, 'ROLLBACK'),
} satisfies Record<string, Work>;

export type WorkKind = keyof typeof WORK;

export const WEIGHTS: Readonly<Record<WorkKind, number>> = {
  insertOrder: 8,
  insertIgnoreOrder: 6,
  insertIgnoreItems: 6,
  insertCustomer: 3,
  upsertCustomer: 6,
  upsertOrder: 6,
  replaceOrder: 5,
  replaceCustomer: 3,
  updateOrder: 14,
  updateOrders: 2,
  updateItems: 6,
  moveOrder: 6,
  moveCustomer: 2,
  renumberOrder: 3,
  changeOrderNo: 3,
  swapOrderNo: 4,
  reuseOrderNo: 2,
  deleteOrder: 4,
  deleteItem: 3,
  deleteCustomer: 1,
  checkout: 6,
  rolledBack: 3,
};

/** The shop's work in one id space, as a load takes it. */
export function shopWork(space: IdSpace, weights = WEIGHTS): LoadWork<WorkKind> {
  const bound = (kind: WorkKind) => (db: LoadClient, random: Random) =>
    WORK[kind](db, random, space);
  const kinds = Object.keys(WORK) as WorkKind[];
  return {
    weights,
    pieces: Object.fromEntries(
      kinds.map(kind => [kind, bound(kind)]),
    ) as LoadWork<WorkKind>['pieces'],
  };
}
