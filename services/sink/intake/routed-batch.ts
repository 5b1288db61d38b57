/**
 * A routed batch is one fetched batch of a table partition, looked at once for all targets: where
 * each record's row lies, which target it goes to, which target it leaves. The bytes stay in the
 * fetched batch's buffer; the fetched batch goes back to its reader when every partition task that
 * took the routed batch has let go of it.
 *
 * A record whose value cannot be read, or says no place, blocks its key: `unreadable` says why. One
 * whose key cannot be read ends the routed batch in front of it: `error` says why, what is before
 * is applied, nothing behind it is (I10).
 */

import { markAt } from '../../../shared/codec/mark.ts';
import { FRAME_BYTES, schemaIdIn } from '../../../shared/codec/registry-frame.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import type { LogPosition } from '../../../shared/kafka/wire/log-position.ts';
import { ALL_TARGETS, NO_TARGET, type TargetSet } from '../../../shared/route/route.ts';
import { asReshardError, ReshardError } from '../../../shared/runtime/error.ts';
import { isMistake, MISTAKES } from '../../../shared/runtime/failpoint.ts';
import type { SinkTable } from './sink-table.ts';

/** In `goesTo` and `leaves`: no target. */
const NOWHERE: TargetSet = NO_TARGET;
/**
 * In `goesTo`: a broadcast. In `leaves`: the key leaves every target but those it goes to (a
 * broadcast, a tombstone, a compacted topic).
 */
export const EVERYWHERE: TargetSet = ALL_TARGETS;

export class RoutedBatch {
  readonly table: SinkTable;
  readonly fetched: FetchedBatch;
  readonly partition: number;
  /** Offset that the reader was at in front of this routed batch. */
  readonly from: number;
  /** Offset behind it; in front of the unreadable record if there is one. */
  readonly position: number;
  /** Readable records. */
  readonly count: number;
  readonly error: ReshardError | null;
  /** Records of which the key alone can be read, and why. */
  readonly unreadable = new Map<number, ReshardError>();
  readonly rowStart: Int32Array;
  readonly rowEnd: Int32Array;
  readonly goesTo: Int32Array;
  readonly leaves: Int32Array;
  readonly epoch: Float64Array;
  /** -1 in a tombstone: it has no version. */
  readonly ordinal: Float64Array;
  #holders = 0;
  readonly #release: (fetched: FetchedBatch) => void;

  constructor(
    table: SinkTable,
    fetched: FetchedBatch,
    from: number,
    release: (fetched: FetchedBatch) => void,
  ) {
    const n = fetched.count;
    this.table = table;
    this.fetched = fetched;
    this.partition = fetched.partition;
    this.from = from;
    this.rowStart = new Int32Array(n);
    this.rowEnd = new Int32Array(n);
    this.goesTo = new Int32Array(n).fill(NOWHERE);
    this.leaves = new Int32Array(n).fill(NOWHERE);
    this.epoch = new Float64Array(n);
    this.ordinal = new Float64Array(n).fill(-1);
    this.#release = release;
    let count = 0;
    let error: ReshardError | null = null;
    while (count < n && error === null) {
      try {
        for (; count < n; count++) this.#read(count);
      } catch (e) {
        const why = this.#unreadable(e, count);
        if (this.#hasKey(count)) this.#leaveOut(count++, why);
        else error = why;
      }
    }
    this.count = count;
    this.error = error;
    this.position = error === null ? fetched.position : fetched.offset(count);
  }

  /** `position`, with its history. */
  get end(): LogPosition {
    const { fetched, count } = this;
    return this.error === null ? fetched.end : fetched.positionBefore(count);
  }

  hold(): void {
    this.#holders += 1;
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#release(this.fetched);
  }

  /** Bytes of record `i`, key included. */
  bytesOf(i: number): number {
    const { keyStart, keyEnd, valueStart, valueEnd } = this.fetched;
    return int(keyEnd, i) - int(keyStart, i) + int(valueEnd, i) - int(valueStart, i);
  }

  /** A null value: its source does not have the key. */
  isTombstone(i: number): boolean {
    return int(this.fetched.valueStart, i) < 0;
  }

  /** Canonical key bytes as latin1 text: a key for a map, for rare uses. */
  keyText(i: number): string {
    const { buf, keyStart, keyEnd } = this.fetched;
    return buf.toString('latin1', int(keyStart, i) + FRAME_BYTES, int(keyEnd, i));
  }

  #read(i: number): void {
    const { fetched, table } = this;
    const { buf } = fetched;
    const keyStart = int(fetched.keyStart, i);
    if (keyStart < 0) throw new ReshardError('corrupt', 'a record without a key');
    if (this.#isMark(i)) return;
    checkFrame(buf, keyStart, int(fetched.keyEnd, i), table.keySchemaId, 'key');
    const valueStart = int(fetched.valueStart, i);
    if (valueStart < 0) {
      this.leaves[i] = EVERYWHERE;
      return;
    }
    const valueEnd = int(fetched.valueEnd, i);
    checkFrame(buf, valueStart, valueEnd, table.valueSchemaId, 'value');
    const { envelope } = table;
    envelope.decode(buf, valueStart, valueEnd);
    this.epoch[i] = envelope.epoch;
    this.ordinal[i] = envelope.ordinal;
    if (envelope.hasBefore) {
      this.leaves[i] = table.targetsOf(buf, envelope.beforeStart);
    }
    if (table.compacted) this.leaves[i] = EVERYWHERE;
    if (envelope.op === 'd') {
      if (!envelope.hasBefore) this.leaves[i] = EVERYWHERE;
      return;
    }
    if (!envelope.hasAfter) throw new ReshardError('corrupt', `op ${envelope.op} without a row`);
    this.rowStart[i] = envelope.afterStart;
    this.rowEnd[i] = envelope.afterEnd;
    this.goesTo[i] = table.targetsOf(buf, envelope.afterStart);
    if (isMistake(MISTAKES.sinkLosesRow)) this.goesTo[i] = this.leaves[i] = NOWHERE;
    if (isMistake(MISTAKES.sinkMisplacesRow)) this.goesTo[i] = 1 - int(this.goesTo, i);
  }

  /** What another job has left in the log where it ended a transaction: no row, for no target. */
  #isMark(i: number): boolean {
    const { fetched, table } = this;
    if (!this.isTombstone(i)) return false;
    const id = schemaIdIn(fetched.buf, int(fetched.keyStart, i), int(fetched.keyEnd, i));
    return id !== table.keySchemaId && markAt(fetched, i) !== null;
  }

  /** Whether the key is one of this table, to its last byte. */
  #hasKey(i: number): boolean {
    const { fetched, table } = this;
    const start = int(fetched.keyStart, i);
    const end = int(fetched.keyEnd, i);
    try {
      checkFrame(fetched.buf, start, end, table.keySchemaId, 'key');
      return table.keyCodec.skip(fetched.buf, start + FRAME_BYTES) === end;
    } catch {
      return false;
    }
  }

  #leaveOut(i: number, why: ReshardError): void {
    this.unreadable.set(i, why);
    this.goesTo[i] = NOWHERE;
    this.leaves[i] = NOWHERE;
  }

  #unreadable(e: unknown, i: number): ReshardError {
    const cause = e instanceof RangeError ? new ReshardError('corrupt', e.message) : e;
    const error = asReshardError(cause, 'corrupt');
    const { table, fetched } = this;
    return new ReshardError(error.kind, `a record cannot be read: ${error.message}`, {
      cause: error,
      remedy: error.remedy,
      context: {
        table: table.name,
        topic: table.topic,
        partition: fetched.partition,
        offset: fetched.offset(i),
      },
    });
  }
}

/** Element of an array whose bounds the caller knows. */
export function int(array: Int32Array, i: number): number {
  return array[i] as number;
}

/** The registry's frame: a zero byte and the id of the schema, which must be the planned one. */
function checkFrame(buf: Buffer, start: number, end: number, id: number, what: string): void {
  const found = schemaIdIn(buf, start, end);
  if (found === id) return;
  if (found === null) {
    throw new ReshardError('corrupt', `a ${what} without the registry's frame`);
  }
  throw new ReshardError(
    'schema-changed',
    `a ${what} was written with schema ${found}, not ${id}`,
    {
      remedy: 'the table was changed: plan the job again',
    },
  );
}
