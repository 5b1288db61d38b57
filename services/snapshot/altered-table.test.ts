/** When a table that was altered ends its copy. */
import { describe, expect, test } from 'vitest';
import { AlteredTable } from './altered-table.ts';

const PLAN = { source: 's1', db: 'd', table: 't' };
const at = (n: number, as = 'wider') => ({ altered: `0-1-${n}`, as });
const log = (n: number) => ({ gtid: `0-1-${n}` });
const ENDS = /altered while it was copied/;

describe('a table that was altered', () => {
  test('waits until the log has come to where it was seen', () => {
    const table = new AlteredTable();
    table.refuse(PLAN, at(5), null);
    table.refuse(PLAN, at(5), log(4));
    expect(() => table.refuse(PLAN, at(5), log(5))).toThrow(ENDS);
  });

  test('ends the copy of a source that is written to all the time: its first place counts', () => {
    const table = new AlteredTable();
    table.refuse(PLAN, at(5), log(3));
    expect(() => table.refuse(PLAN, at(9), log(7))).toThrow(ENDS);
  });

  test('that has changed once more, or was as planned meanwhile, is seen for the first time', () => {
    const table = new AlteredTable();
    table.refuse(PLAN, at(5), log(3));
    table.refuse(PLAN, at(9, 'narrower'), log(7));
    table.forget();
    table.refuse(PLAN, at(12, 'narrower'), log(10));
    expect(() => table.refuse(PLAN, at(15, 'narrower'), log(13))).toThrow(ENDS);
  });
});
