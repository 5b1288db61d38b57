/** T1 for repairs: nothing newer in the log is overwritten or deleted, nothing is settled twice. */
import { describe, expect, test } from 'vitest';
import { GtidSet, parseGtid } from '../../../shared/change/gtid.ts';
import type { ChunkRecord } from '../../../shared/codec/chunk-record.ts';
import type { RepairProgress } from '../../../shared/job/state/progress-view.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { CapturedTable } from '../capture/captured-table.ts';
import { RepairIntake } from './repair-intake.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const ID = 'repair-1';
const schema: TableSchema = {
  db: 'shop',
  table: 'orders',
  columns: [
    {
      name: 'id',
      type: { kind: 'integer', bits: 32, unsigned: false },
      nullable: false,
      autoIncrement: false,
      generated: 'no',
      invisible: false,
    },
  ],
  primaryKey: [0],
  uniqueKeys: [],
};

function key(n: number): Buffer {
  return Buffer.from([0, 0, 0, 0, 1, n * 2]);
}

const ROW_BYTES = 100;
const VERSION_BYTES = 60;

function row(n: number): Buffer {
  const [keyLength, rowLength] = [Buffer.alloc(4), Buffer.alloc(4)];
  keyLength.writeUInt32BE(6);
  rowLength.writeUInt32BE(ROW_BYTES);
  // Ends with the text of a version, which the writer fills in.
  const value = Buffer.alloc(ROW_BYTES);
  value.write('["', ROW_BYTES - VERSION_BYTES);
  return Buffer.concat([keyLength, key(n), rowLength, value]);
}

class Bed {
  readonly table = new CapturedTable({
    schema,
    generation: 1,
    prefix: 's1',
    topic: 's1.shop.orders',
    partitions: 1,
    keyClasses: [],
    keySchemaId: 1,
    valueSchemaId: 2,
    maxMessageBytes: 1000,
    skipped: null,
  });
  /** Tombstones, by key number. */
  readonly deleted: number[] = [];
  /** Rows, by key number, each with the tombstones in front of it. */
  readonly told: string[] = [];
  readonly durable: RepairProgress[] = [];
  readonly intake = new RepairIntake({
    flavor: 'mysql',
    writer: {
      epoch: 1,
      nextOrdinal: () => 1,
      append: (_topic, _partition, { key, valueStart }) => {
        const n = (key[5] ?? 0) / 2;
        if (valueStart < 0) this.deleted.push(n);
        else this.told.push(`${n} after ${this.deleted.join()}`);
      },
      setRepair: p => this.durable.push(p),
    },
    repairs: new Map(),
    remember: table => table.startMerge(1 << 16, () => GtidSet.parse(`${UUID}:1-5`)),
    onComplete: () => {},
  });

  take(
    seq: number,
    visibleTo: number,
    keys: number[],
    range = 0,
    last = true,
    found: number[] = [],
  ): string {
    const chunk: ChunkRecord = {
      job: 'j',
      jobId: 'j#1',
      source: 's1',
      db: 'shop',
      table: 'orders',
      generation: 1,
      range,
      seq,
      after: null,
      upTo: null,
      last,
      visible: `${UUID}:1-${visibleTo}`,
      fingerprint: this.table.fingerprint,
      rowCount: found.length,
      sequenceFromEnd: VERSION_BYTES,
      rows: Buffer.concat(found.map(row)),
      repair: ID,
      clear: 'absent',
      keys: keys.map(key),
    };
    return this.intake.take(chunk, ID, this.table);
  }

  publish(n: number, transaction: number): void {
    this.table.merge?.note(key(n), 5, 6, parseGtid(`${UUID}:${transaction}`));
  }
}

describe('chunks of keys', () => {
  test('the first chunk begins the memory: a read view older than it is rejected', () => {
    const bed = new Bed();
    expect(bed.take(0, 4, [1])).toBe('rejected');
    expect(bed.take(1, 5, [1])).toBe('accepted');
    expect(bed.deleted).toEqual([1]);
  });

  test('a key with an event that the SELECT has not seen is left alone, the others are settled', () => {
    const bed = new Bed();
    bed.take(0, 4, [1, 2, 3]);
    bed.publish(2, 6);
    bed.publish(3, 7);
    expect(bed.take(1, 6, [1, 2, 3])).toBe('accepted');
    expect(bed.deleted).toEqual([1, 2]);
    expect(bed.durable.at(-1)).toMatchObject({ done: 3, complete: true, deleted: 2, dropped: 1 });
  });

  test('a row that is found under another spelling is told behind the tombstone of the one asked for', () => {
    const bed = new Bed();
    expect(bed.take(0, 5, [1, 3], 0, true, [3, 2])).toBe('accepted');
    expect(bed.deleted).toEqual([1]);
    expect(bed.told).toEqual(['3 after 1', '2 after 1']);
    expect(bed.durable.at(-1)).toMatchObject({ done: 2, rows: 2, deleted: 1, dropped: 0 });
  });

  test('so is none of which the log has a newer event', () => {
    const bed = new Bed();
    bed.take(0, 4, [1]);
    bed.publish(2, 7);
    expect(bed.take(1, 6, [1], 0, true, [2])).toBe('accepted');
    expect(bed.told).toEqual([]);
    expect(bed.durable.at(-1)).toMatchObject({ done: 1, deleted: 1, dropped: 1 });
  });

  test('a chunk that comes twice, or out of turn, is passed over', () => {
    const bed = new Bed();
    bed.take(0, 5, [1], 0, false);
    expect(bed.take(0, 5, [1], 0, false)).toBe('passed over');
    expect(bed.take(1, 5, [1], 0, false)).toBe('passed over');
    expect(bed.take(1, 5, [2], 1)).toBe('accepted');
    expect(bed.take(2, 5, [3], 2)).toBe('passed over');
    expect(bed.deleted).toEqual([1, 2]);
  });
});
