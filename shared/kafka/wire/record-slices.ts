/**
 * A record that is to be written, as slices of buffers that others own. Its bytes are copied when
 * it is appended, so one object serves all records of a hot loop: an object for each would cost
 * more than the copy.
 */

/** A record of a source has none or one. */
export interface RecordHeader {
  /** UTF-8. */
  readonly name: Buffer;
  buf: Buffer;
  start: number;
  end: number;
}

export interface RecordSlices {
  key: Buffer;
  /** Below zero: the key is null. */
  keyStart: number;
  keyEnd: number;
  value: Buffer;
  /** Below zero: the value is null. */
  valueStart: number;
  valueEnd: number;
  timeMs: number;
  headers: RecordHeader | readonly RecordHeader[] | undefined;
}

const NONE = Buffer.alloc(0);

/** A record of whole buffers. */
export function wholeRecord(
  key: Buffer | null,
  value: Buffer | null,
  timeMs: number,
  headers?: RecordSlices['headers'],
): RecordSlices {
  return {
    key: key ?? NONE,
    keyStart: key === null ? -1 : 0,
    keyEnd: key === null ? -1 : key.length,
    value: value ?? NONE,
    valueStart: value === null ? -1 : 0,
    valueEnd: value === null ? -1 : value.length,
    timeMs,
    headers,
  };
}
