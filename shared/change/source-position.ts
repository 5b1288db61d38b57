/**
 * Where in a source's binlog the log stands, for people and for lag: the file, the position in it,
 * and when that was. Not what the log is resumed by: a file position moves before a commit is
 * visible and means nothing on another server (gtid.ts, position.ts).
 */
declare const made: unique symbol;

export interface SourcePosition {
  readonly [made]: true;
  readonly file: string;
  readonly pos: number;
  /** Time of the last event that is in the log, or of the last sign of life of an idle source. */
  readonly tsMs: number;
  readonly serverUuid: string;
  /** Second in which the server began the file; 0 when it is not known. */
  readonly fileS: number;
}

export function sourcePosition(at: {
  file: string;
  pos: number;
  tsMs: number;
  serverUuid: string;
  fileS: number;
}): SourcePosition {
  return { ...at } as SourcePosition;
}
