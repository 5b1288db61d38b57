/** The event that begins a transaction in the binlog, of any kind: which one it is, since when. */
import type { Gtid } from '../../../shared/change/gtid.ts';
import { EVENT, type RawEvent, readGtid, readMariadbXid, stampOf } from './binlog-event.ts';
import type { EventDecoder } from './capture-options.ts';

export interface TransactionStart {
  gtid: Gtid;
  /** What tells it from another one of the same number (`Anchor.stamp`). */
  stamp: string;
  /** Where this event ends in the server's file. */
  pos: number;
  /** When it was committed. */
  commitMs: number;
  /** It stands for BEGIN as well: MariaDB's does, unless the group is one statement. */
  opens: boolean;
  /** The XA transaction whose rows follow, where the event names it (MariaDB). */
  xid: string | null;
}

/** Null: it begins none. */
export function transactionStart(
  event: RawEvent,
  decoder: Pick<EventDecoder, 'decodeGtid'>,
): TransactionStart | null {
  const { type, timestamp, logPos: pos } = event;
  if (type === EVENT.GTID) {
    const { gtid, commitUs, originalUs } = readGtid(event);
    const commitMs = commitUs > 0 ? commitUs / 1000 : timestamp * 1000;
    return { gtid, stamp: stampOf(event, originalUs), pos, commitMs, opens: false, xid: null };
  }
  const isMariadb = type === EVENT.MARIADB_GTID;
  if (!isMariadb && type !== EVENT.GTID_TAGGED) return null;
  const { gtid, standalone } = decoder.decodeGtid(event);
  return {
    gtid,
    stamp: stampOf(event, 0),
    pos,
    commitMs: timestamp * 1000,
    opens: isMariadb && !standalone,
    xid: isMariadb ? readMariadbXid(event) : null,
  };
}
