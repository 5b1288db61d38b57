/**
 * The partition of a key, by the classes of its columns (key-class.ts). The plan of the table names
 * the classes, so a key stays where it is over restarts and versions (T2): nothing here may be
 * derived from the table as it is now.
 * A key of bytes alone, as most are, is hashed where it lies.
 */
import { KeyClasses } from '../row/key-class.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { partitionOf } from './partition.ts';

export class KeyPartition {
  readonly #partitions: number;
  readonly #classes: KeyClasses | null;
  readonly #out = new ByteWriter(256);

  /** `names`: of the plan; none if every column counts by its bytes. */
  constructor(schema: TableSchema, names: readonly string[], partitions: number) {
    this.#partitions = partitions;
    this.#classes = names.length === 0 ? null : new KeyClasses(schema, names);
  }

  /** Of the canonical key bytes `buf[start, end)`. */
  of(buf: Buffer, start: number, end: number): number {
    if (this.#classes === null) return partitionOf(buf, start, end, this.#partitions);
    const out = this.#out;
    out.clear();
    this.#classes.write(buf, start, out);
    return partitionOf(out.buf, 0, out.pos, this.#partitions);
  }
}
