/**
 * One transaction of the binlog, read once more over a connection of its own: the rows of an XA
 * transaction that was prepared long ago, or is too large to be kept. Asking for it by its id alone
 * finds it on whatever server is read now, and in whatever file.
 */
import { randomInt } from 'node:crypto';
import { type Gtid, type GtidSet, printGtid } from '../../../shared/change/gtid.ts';
import type { JobSource } from '../../../shared/job/job.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { EVENT, type RawEvent } from './binlog-event.ts';
import { type Unpacked, unpack } from './payload.ts';
import { rowsKind } from './rows-kind.ts';
import { READER_ID_MAX, READER_ID_MIN, type SourceFacts } from './source-facts.ts';
import { transactionStart } from './transaction-start.ts';
import { BinlogDump } from './zongji.ts';

export interface GroupOptions extends Unpacked {
  source: JobSource;
  facts: SourceFacts;
  gtid: Gtid;
  /** All that has been read, whether or not the transaction is in it. */
  executed: GtidSet;
}

/** Between two signs of life while the server looks for the transaction in its files. */
const QUIET_MS = 15_000;

/**
 * Gives its table maps and its rows. Rejects as `position-lost` if its binlog is purged, or it is
 * not there.
 */
export async function readGroup(o: GroupOptions): Promise<void> {
  const { source, facts, gtid } = o;
  const end = Promise.withResolvers<void>();
  let state: 'before' | 'inside' | 'done' = 'before';
  let place = 0;
  const missing = (): ReshardError =>
    new ReshardError('position-lost', 'a prepared transaction is not in the binlog any more', {
      context: { source: source.name, gtid: printGtid(gtid, facts.flavor) },
    });
  const late = setTimeout(() => end.reject(missing()), QUIET_MS);
  const take = (event: RawEvent): void => {
    if (event.type === EVENT.XA_PREPARE) {
      state = 'done';
      end.resolve();
      return;
    }
    const isRows = rowsKind(event.type) !== null || event.type === EVENT.PARTIAL_UPDATE_ROWS;
    if (isRows || event.type === EVENT.TABLE_MAP) o.onEvent(event);
  };
  const dump: BinlogDump = new BinlogDump({
    endpoint: source,
    // Another reader of the same id would end the one that waits meanwhile.
    serverId: randomInt(READER_ID_MIN, READER_ID_MAX),
    flavor: facts.flavor,
    watchdogMs: QUIET_MS,
    onEvent: event => {
      if (state === 'done') return;
      if (state === 'before' && event.logPos !== place) late.refresh();
      place = event.logPos;
      const begun = transactionStart(event, dump);
      if (begun !== null) {
        if (state === 'inside') throw missing();
        const isIt = begun.gtid.source === gtid.source && begun.gtid.number === gtid.number;
        if (isIt) clearTimeout(late);
        if (isIt) state = 'inside';
      } else if (state === 'inside') flow(takeAll(event));
    },
    onEnd: end.reject,
  });
  const takeAll = (event: RawEvent): Promise<void> | null => {
    if (event.type === EVENT.TRANSACTION_PAYLOAD) return unpack(event, { ...o, onEvent: take });
    take(event);
    return o.wait();
  };
  const flow = (wait: Promise<void> | null): void => {
    if (wait === null) return;
    dump.pause();
    wait.then(() => dump.resume(), end.reject);
  };
  end.promise.catch(() => {});
  try {
    await dump.start(o.executed.without(gtid, null));
    await end.promise;
  } finally {
    clearTimeout(late);
    await dump.close();
  }
}
