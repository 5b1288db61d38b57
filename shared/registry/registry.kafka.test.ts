/** The registry client against a real registry, and against ones that fail. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { servers } from '../../test/support/dev.ts';
import { envelopeSchema, keySchema } from '../codec/avro-schema.ts';
import { recordCodec, staticSchema } from '../codec/record-codec.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column, ColumnType } from '../type/column-type.ts';
import { canonicalJson, SchemaRegistry } from './registry.ts';

const run = Math.random().toString(36).slice(2, 8);
let subjects = 0;
const subject = () => `codec-${run}-${subjects++}`;
const registry = () => new SchemaRegistry({ url: servers().registryUrl });

function column(name: string, type: ColumnType, nullable = false): Column {
  return { name, type, nullable, autoIncrement: false, generated: 'no', invisible: false };
}

const INT: ColumnType = { kind: 'integer', bits: 32, unsigned: false };
const BIG: ColumnType = { kind: 'integer', bits: 64, unsigned: true };

function table(...columns: Column[]): TableSchema {
  return { db: 'shop', table: 'orders', columns, primaryKey: [0], uniqueKeys: [] };
}

const ORDERS = table(
  column('id', BIG),
  column('amount', { kind: 'decimal', precision: 12, scale: 2 }, true),
  column('state', { kind: 'enum', values: ['new', 'paid'] }),
  column('at', { kind: 'datetime', fsp: 6 }),
);

describe('schema registry', () => {
  test('registering twice gives one id, and the schema comes back with every annotation', async () => {
    const name = subject();
    const schema = envelopeSchema('s1', ORDERS);
    const id = await registry().register(name, schema, 'BACKWARD');
    expect(await registry().register(name, schema, 'BACKWARD')).toBe(id);
    expect(await registry().latestId(name)).toBe(id);
    const stored: unknown = JSON.parse(await registry().schemaById(id));
    expect(canonicalJson(stored)).toBe(canonicalJson(schema));
  });

  test('several services may register at once', async () => {
    const name = subject();
    const schema = envelopeSchema('s1', ORDERS);
    const ids = await Promise.all(
      Array.from({ length: 8 }, () => registry().register(name, schema, 'BACKWARD')),
    );
    expect(new Set(ids).size).toBe(1);
  });

  test('a nullable column may be added, a column of another type may not', async () => {
    const name = subject();
    const first = await registry().register(name, envelopeSchema('s1', ORDERS), 'BACKWARD');
    const wider = table(...ORDERS.columns, column('note', INT, true));
    const second = await registry().register(name, envelopeSchema('s1', wider), 'BACKWARD');
    expect(second).not.toBe(first);
    expect((await registry().versions(name)).map(v => v.id)).toEqual([first, second]);
    const changed = table(
      ...wider.columns.slice(0, 3),
      column('at', { kind: 'json' }),
      ...wider.columns.slice(4),
    );
    await expect(
      registry().register(name, envelopeSchema('s1', changed), 'BACKWARD'),
    ).rejects.toMatchObject({
      kind: 'registry',
      remedy: expect.stringContaining('not compatible'),
    });
    expect(await registry().latestId(name)).toBe(second);
  });

  test('a key schema is registered once and never changes', async () => {
    const name = subject();
    const id = await registry().registerFrozen(name, keySchema('s1', ORDERS));
    expect(await registry().registerFrozen(name, keySchema('s1', ORDERS))).toBe(id);
    const other = table(column('id', INT), ...ORDERS.columns.slice(1));
    await expect(registry().registerFrozen(name, keySchema('s1', other))).rejects.toMatchObject({
      kind: 'registry',
      context: { subject: name },
    });
    expect(await registry().latestId(name)).toBe(id);
  });

  test('a subject that somebody configured otherwise gets our level back', async () => {
    const name = subject();
    const schema = envelopeSchema('s1', ORDERS);
    const id = await registry().register(name, schema, 'NONE');
    expect(await registry().register(name, schema, 'BACKWARD')).toBe(id);
    const changed = table(column('id', { kind: 'json' }), column('x', INT));
    await expect(
      registry().register(name, envelopeSchema('s1', changed), 'BACKWARD'),
    ).rejects.toMatchObject({ kind: 'registry' });
  });

  test('unknown ids and subjects are errors that say what to do', async () => {
    await expect(registry().schemaById(987654321)).rejects.toMatchObject({ kind: 'registry' });
    await expect(registry().latestId(subject())).rejects.toMatchObject({ kind: 'registry' });
    await expect(registry().versions(subject())).rejects.toMatchObject({ kind: 'registry' });
  });
});

describe('records of the control plane', () => {
  const progress = {
    resume: {
      epoch: 3,
      ordinal: 2 ** 52,
      gtid: 'a:1-5',
      partialGtid: null,
      partialRows: 0,
      chunksOffset: 12,
      file: 'binlog.000001',
      pos: 4,
      tsMs: 1795235400123,
      serverUuid: 'a',
      recopy: null,
    },
    range: null,
    repair: null,
  };

  test('are what went in, under the id of their schema', async () => {
    const name = subject();
    const id = await registry().register(name, staticSchema('progress'), 'BACKWARD');
    const codec = await recordCodec<typeof progress>(registry(), 'progress', name);
    const bytes = codec.encode(progress);
    expect(bytes.readUInt32BE(1)).toBe(id);
    // Fields that came later have their defaults.
    expect(codec.decode(bytes)).toMatchObject(progress);
  });

  test('a long past 2^53 is an error, not another number', async () => {
    const name = subject();
    await registry().register(name, staticSchema('progress'), 'BACKWARD');
    const codec = await recordCodec<typeof progress>(registry(), 'progress', name);
    const huge = { ...progress, resume: { ...progress.resume, ordinal: 2 ** 53 + 2 } };
    expect(() => codec.encode(huge)).toThrow();
  });

  test('records of an older version are read, of an unknown one refused', async () => {
    const name = subject();
    const old = staticSchema('report');
    const fields: unknown = old.fields;
    if (!Array.isArray(fields)) throw new Error('no fields');
    const older = { ...old, fields: fields.filter(f => f.name !== 'error') };
    await registry().register(name, older, 'BACKWARD');
    await registry().register(name, old, 'BACKWARD');
    type Report = { [field: string]: unknown };
    const codec = await recordCodec<Report>(registry(), 'report', name);
    const report = {
      service: 's',
      unit: 'u',
      member: 'm',
      tsMs: 1,
      state: 'running',
      error: 'e',
      counters: { rows: 1.5 },
      detail: '{}',
    };
    const bytes = codec.encode(report);
    expect(codec.decode(bytes)).toMatchObject(report);
    const before = Buffer.concat([bytes.subarray(0, 5), withoutError(bytes.subarray(5))]);
    before.writeUInt32BE((await registry().versions(name))[0]?.id ?? 0, 1);
    expect(codec.decode(before)).toMatchObject({ ...report, error: null });
    bytes.writeUInt32BE(987654321, 1);
    expect(() => codec.decode(bytes)).toThrow(/schema id 987654321/);
  });

  /** The same report as the older schema writes it: without the field in the middle. */
  function withoutError(body: Buffer): Buffer {
    const mark = body.indexOf(Buffer.from([2, 2, 'e'.charCodeAt(0)]));
    return Buffer.concat([body.subarray(0, mark), body.subarray(mark + 3)]);
  }

  test('a service of a version that control has not registered is refused', async () => {
    const name = subject();
    await registry().register(name, staticSchema('chunk'), 'NONE');
    await expect(recordCodec(registry(), 'report', name)).rejects.toMatchObject({
      kind: 'registry',
      remedy: expect.stringContaining('control'),
    });
  });
});

describe('a registry that fails', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function listen(answer: (status: (code: number, body: string) => void) => void) {
    server = createServer((_, response) => {
      answer((code, body) => {
        response.writeHead(code, { 'content-type': 'application/json' });
        response.end(body);
      });
    });
    await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  test('silence ends by the deadline', async () => {
    const url = await listen(() => undefined);
    const silent = new SchemaRegistry({ url, timeoutMs: 200 });
    const from = performance.now();
    await expect(silent.latestId('x')).rejects.toMatchObject({ kind: 'registry' });
    expect(performance.now() - from).toBeLessThan(5000);
  });

  test('silence after the look-ups ends too: the client library has no deadline', async () => {
    let calls = 0;
    const url = await listen(status => {
      calls++;
      if (calls <= 2) status(404, '{"error_code":40401}');
    });
    const silent = new SchemaRegistry({ url, timeoutMs: 200 });
    const from = performance.now();
    await expect(silent.register('x', keySchema('s1', ORDERS), 'BACKWARD')).rejects.toMatchObject({
      kind: 'registry',
    });
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(calls).toBeGreaterThan(2);
  });

  test.each([
    [401, 'denied', /password/],
    [500, 'registry', /answers at/],
  ])('status %i has its kind and its remedy', async (code, kind, remedy) => {
    const url = await listen(status => status(code, '{"message":"no"}'));
    const failing = new SchemaRegistry({ url, username: 'u', password: 'p', timeoutMs: 2000 });
    await expect(failing.latestId('x')).rejects.toMatchObject({
      kind,
      remedy: expect.stringMatching(remedy),
    });
  });

  test('nobody there', async () => {
    const absent = new SchemaRegistry({ url: 'http://127.0.0.1:1', timeoutMs: 2000 });
    await expect(absent.latestId('x')).rejects.toMatchObject({ kind: 'registry' });
  });
});
