/** Avro records where they lie, as lists that statements are filled from. */

/** Places of Avro records, rows or keys. */
export interface RecordList {
  readonly count: number;
  buf(i: number): Buffer;
  start(i: number): number;
}

/** Rows and their keys. */
export interface RowList {
  readonly rows: RecordList;
  readonly keys: RecordList;
  /** Canonical key bytes as latin1 text. */
  keyText(i: number): string;
}

/** Some records of a list. */
export function some(list: RecordList, picked: readonly number[]): RecordList {
  return {
    count: picked.length,
    buf: i => list.buf(picked[i] as number),
    start: i => list.start(picked[i] as number),
  };
}

/** Some rows of a list; all of them are the list itself. */
export function someRows(list: RowList, picked: readonly number[]): RowList {
  if (picked.length === list.rows.count) return list;
  return {
    rows: some(list.rows, picked),
    keys: some(list.keys, picked),
    keyText: i => list.keyText(picked[i] as number),
  };
}
