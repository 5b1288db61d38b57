/**
 * Creates the shop's tables and fills them by multi-row inserts over a few connections. The rows
 * depend on the seed and on nothing else, so two fills with one seed are equal.
 */
import { LoadClient, type LoadEndpoint } from './client.ts';
import { Random } from './random.ts';
import {
  CREATE_TABLES,
  CUSTOMER_COLUMNS,
  customerRow,
  IdSpace,
  ITEM_COLUMNS,
  itemRow,
  ORDER_COLUMNS,
  orderRow,
  type Value,
} from './tables.ts';

export type FillOptions = {
  endpoint: LoadEndpoint;
  database: string;
  /** Number of the source: its id space. */
  source: number;
  orders: number;
  seed: number;
  connections?: number;
  onProgress?: (rows: number, estimated: number) => void;
};

export type FillResult = { customers: number; orders: number; items: number };

const ORDERS_PER_BATCH = 500;
const CUSTOMERS_PER_BATCH = 1000;

/** Drops and creates the database, then fills it. */
export async function fillSource(options: FillOptions): Promise<FillResult> {
  await createShop(options.endpoint, options.database);
  const space = new IdSpace(options.source, options.orders);
  const batches = planBatches(space);
  const estimated = space.customers + space.orders * 2.5;
  const result: FillResult = { customers: 0, orders: 0, items: 0 };
  const worker = async (): Promise<void> => {
    const client = await LoadClient.open(options.endpoint, options.database);
    try {
      // Not unique_checks=0 beside it: with both, MariaDB locks an empty table as a whole for a
      // bulk insert, and two workers that begin together are a deadlock.
      await client.run('SET foreign_key_checks=0');
      for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
        await insertBatch(client, space, batch, options.seed, result);
        const rows = result.customers + result.orders + result.items;
        options.onProgress?.(rows, Math.max(rows, estimated));
      }
    } finally {
      await client.close();
    }
  };
  await Promise.all(Array.from({ length: options.connections ?? 4 }, worker));
  return result;
}

/** Drops the database and creates it empty. */
export async function createDatabase(endpoint: LoadEndpoint, database: string): Promise<void> {
  const client = await LoadClient.open(endpoint);
  try {
    await client.run(`DROP DATABASE IF EXISTS \`${database}\``);
    await client.run(`CREATE DATABASE \`${database}\` CHARACTER SET utf8mb4`);
  } finally {
    await client.close();
  }
}

export async function createShop(endpoint: LoadEndpoint, database: string): Promise<void> {
  await createDatabase(endpoint, database);
  const client = await LoadClient.open(endpoint, database);
  try {
    for (const statement of CREATE_TABLES) await client.run(statement);
  } finally {
    await client.close();
  }
}

type Batch = { table: 'customers' | 'orders'; from: number; to: number };

/** In reverse: the workers pop, and ascending keys keep InnoDB's pages full. */
function planBatches(space: IdSpace): Batch[] {
  const batches: Batch[] = [];
  for (let from = 0; from < space.customers; from += CUSTOMERS_PER_BATCH) {
    const to = Math.min(from + CUSTOMERS_PER_BATCH, space.customers);
    batches.push({ table: 'customers', from, to });
  }
  for (let from = 0; from < space.orders; from += ORDERS_PER_BATCH) {
    batches.push({ table: 'orders', from, to: Math.min(from + ORDERS_PER_BATCH, space.orders) });
  }
  return batches.reverse();
}

async function insertBatch(
  client: LoadClient,
  space: IdSpace,
  batch: Batch,
  seed: number,
  result: FillResult,
): Promise<void> {
  const random = new Random(seed, (batch.table === 'orders' ? 1 << 20 : 1 << 21) + batch.from);
  const rows: Value[][] = [];
  if (batch.table === 'customers') {
    for (let i = batch.from; i < batch.to; i++) rows.push(customerRow(random, space.customerId(i)));
    await client.run(`INSERT INTO customers (${CUSTOMER_COLUMNS}) VALUES ?`, [rows]);
    result.customers += rows.length;
    return;
  }
  const items: Value[][] = [];
  for (let i = batch.from; i < batch.to; i++) {
    const customer = space.customerId(random.below(space.customers));
    const order = space.orderId(i);
    rows.push(orderRow(random, order, customer, space.orderNo(i)));
    const lines = random.below(4);
    for (let line = 1; line <= lines; line++) items.push(itemRow(random, order, line, customer));
  }
  await client.run('BEGIN');
  await client.run(`INSERT INTO orders (${ORDER_COLUMNS}) VALUES ?`, [rows]);
  if (items.length > 0) {
    await client.run(`INSERT INTO order_items (${ITEM_COLUMNS}) VALUES ?`, [items]);
  }
  await client.run('COMMIT');
  result.orders += rows.length;
  result.items += items.length;
}
