/**
 * The shop that demo, pipeline tests and soak move: three tables, all carrying the customer id by
 * which they are sharded, with values that catch a lossy carrier (64-bit unsigned, quotes and
 * backslashes, emoji, microseconds, NULL beside '', JSON, raw bytes).
 *
 * Several sources have disjoint id spaces: source n owns ids above n * 10^9, for customers and
 * orders alike, and its order numbers begin with S<n>. Shards that bring the same primary or
 * unique key cannot be merged by anyone, so the demo does not pretend.
 */
import type { Random } from './random.ts';

export const LOAD_TABLES = ['customers', 'orders', 'order_items'] as const;
export const SHARD_COLUMN = 'customer_id';

export const CREATE_TABLES: readonly string[] = [
  `CREATE TABLE customers (
    customer_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(80) NOT NULL,
    email VARCHAR(120) NULL,
    tier ENUM('free','silver','gold','it''s, complicated') NOT NULL DEFAULT 'free',
    credit DECIMAL(14,4) NOT NULL DEFAULT 0,
    birthday DATE NULL,
    profile JSON NULL,
    note TEXT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
  `CREATE TABLE orders (
    order_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    order_no VARCHAR(40) NOT NULL,
    state ENUM('new','paid','shipped','returned') NOT NULL DEFAULT 'new',
    total DECIMAL(12,2) NOT NULL,
    quantity INT NOT NULL,
    reference BIGINT UNSIGNED NULL,
    token VARBINARY(16) NULL,
    comment TEXT NULL,
    placed_at DATETIME(6) NOT NULL,
    updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    UNIQUE KEY order_no (order_no),
    KEY by_customer (customer_id)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
  `CREATE TABLE order_items (
    order_id BIGINT UNSIGNED NOT NULL,
    line_no INT NOT NULL,
    customer_id BIGINT UNSIGNED NOT NULL,
    sku VARCHAR(32) NOT NULL,
    quantity INT NOT NULL,
    price DECIMAL(10,2) NOT NULL,
    weight DOUBLE NULL,
    attributes JSON NULL,
    PRIMARY KEY (order_id, line_no),
    KEY by_customer (customer_id)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
];

export type Value = string | number | Buffer | null;

/** The ids one source may use; live inserts go up to a fifth above what the fill creates. */
export class IdSpace {
  readonly source: number;
  readonly customers: number;
  readonly orders: number;
  readonly #base: number;

  constructor(source: number, orders: number) {
    this.source = source;
    this.orders = orders;
    this.customers = Math.max(10, Math.ceil(orders / 10));
    this.#base = source * 1_000_000_000;
  }

  customerId(index: number): number {
    return this.#base + 1 + index;
  }

  orderId(index: number): number {
    return this.#base + 1 + index;
  }

  orderNo(index: number): string {
    return `S${this.source}-${String(index).padStart(9, '0')}`;
  }

  anyCustomer(random: Random): number {
    return this.customerId(random.below(Math.ceil(this.customers * 1.2)));
  }

  anyOrder(random: Random): number {
    return this.orderId(random.below(Math.ceil(this.orders * 1.2)));
  }

  /** Mostly an order that the fill did not make. */
  newOrder(random: Random): number {
    if (random.chance(0.3)) return this.anyOrder(random);
    return this.orderId(this.orders + random.below(Math.ceil(this.orders * 0.2)));
  }

  anyOrderNo(random: Random): string {
    return this.orderNo(random.below(Math.ceil(this.orders * 1.2)));
  }
}

const WORDS = [
  'plain',
  "it's",
  'back\\slash',
  '"quoted"',
  'tab\there',
  'new\nline',
  'zero\0byte',
  'percent%_',
  'ünïcödé',
  '漢字',
  '🚚📦',
  ' leading',
  'trailing ',
  '',
  'NULL',
  '\u001a',
  'semi;--',
] as const;

function words(random: Random, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += (i === 0 ? '' : ' ') + random.pick(WORDS);
  return text;
}

function orNull<T>(random: Random, value: T): T | null {
  return random.chance(0.15) ? null : value;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

/** A moment as SQL text with `digits` digits of a second's fraction. */
export function moment(random: Random, digits: 0 | 3 | 6): string {
  const day = `20${two(random.between(10, 36))}-${two(random.between(1, 12))}-${two(random.between(1, 28))}`;
  const time = `${two(random.below(24))}:${two(random.below(60))}:${two(random.below(60))}`;
  if (digits === 0) return `${day} ${time}`;
  return `${day} ${time}.${String(random.below(10 ** digits)).padStart(digits, '0')}`;
}

export function money(random: Random, limit: number): string {
  const sign = random.chance(0.05) ? '-' : '';
  return `${sign}${random.below(limit)}.${two(random.below(100))}`;
}

function document(random: Random): string {
  const value: Record<string, unknown> = { v: random.below(1000), tag: random.pick(WORDS) };
  if (random.chance(0.3)) value.list = [1, -2.5, null, true, random.pick(WORDS)];
  if (random.chance(0.2)) value.nested = { deep: { empty: {}, none: [] }, big: 1e19 };
  return JSON.stringify(value);
}

function reference(random: Random): string {
  if (random.chance(0.05)) return '18446744073709551615';
  return ((BigInt(random.next()) << 32n) | BigInt(random.next())).toString();
}

function bytes(random: Random): Buffer {
  const buffer = Buffer.alloc(random.below(17));
  for (let i = 0; i < buffer.length; i++) buffer[i] = random.below(256);
  return buffer;
}

export const CUSTOMER_COLUMNS =
  'customer_id,name,email,tier,credit,birthday,profile,note,created_at,updated_at';
export const ORDER_COLUMNS =
  'order_id,customer_id,order_no,state,total,quantity,reference,token,comment,placed_at,updated_at';
export const ITEM_COLUMNS = 'order_id,line_no,customer_id,sku,quantity,price,weight,attributes';

export function customerRow(random: Random, customerId: number): Value[] {
  return [
    customerId,
    `${words(random, 2)} ${customerId}`.slice(0, 80),
    orNull(random, `c${customerId}@example.com`),
    random.pick(['free', 'silver', 'gold', "it's, complicated"]),
    `${money(random, 100_000)}${two(random.below(100))}`,
    orNull(random, moment(random, 0).slice(0, 10)),
    orNull(random, document(random)),
    orNull(random, words(random, random.below(8))),
    moment(random, 6),
    moment(random, 3),
  ];
}

export function orderRow(
  random: Random,
  orderId: number,
  customerId: number,
  orderNo: string,
): Value[] {
  return [
    orderId,
    customerId,
    orderNo,
    random.pick(['new', 'paid', 'shipped', 'returned']),
    money(random, 1_000_000),
    random.between(-5, 500),
    orNull(random, reference(random)),
    orNull(random, bytes(random)),
    orNull(random, words(random, random.below(5))),
    moment(random, 6),
    moment(random, 3),
  ];
}

export function itemRow(
  random: Random,
  orderId: number,
  line: number,
  customerId: number,
): Value[] {
  return [
    orderId,
    line,
    customerId,
    `SKU-${random.below(5000)}`,
    random.between(1, 20),
    money(random, 10_000),
    orNull(random, random.next() / 7919),
    orNull(random, document(random)),
  ];
}
