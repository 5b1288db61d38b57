/** Which keys are named of a bucket that has come to differ. */
import { expect, test } from 'vitest';
import { envelopeSchema } from '../../../shared/codec/avro-schema.ts';
import type { ReaderOptions } from '../../../shared/kafka/reader.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { type Event, LogMaker } from '../../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { keysIn } from './drill-down.ts';
import type { SavedLedger } from './ledger.ts';
import { TableCompare } from './table-compare.ts';
import { RecordReaders, TopicChanges } from './topic-changes.ts';

const CHECKED: SavedLedger = {
  ...{ position: 0, reached: {}, sums: [], unknown: [], waits: [], told: [], base: 'verify-1' },
};
const schema = JSON.stringify(envelopeSchema('test', SMALL_TABLE));
const readers = new RecordReaders({ schemaById: async () => schema });
const signal = new AbortController().signal;

function topicOf(source: string): TopicChanges {
  const place = { source, db: 'd', table: 't', topic: `${source}.d.t`, schemaJson: '' };
  const ids = { keySchemaId: 7, valueSchemaId: 8, generation: 1, estimatedRows: 0, ranges: [] };
  return new TopicChanges({ ...place, ...ids, schema: SMALL_TABLE }, 1, readers);
}

/** What the two logs have, and what the comparison has found in them. */
async function found(source: readonly Event[], target: readonly Event[]): Promise<string[]> {
  const from = new LogMaker(SMALL_TABLE, 'a.d.t', 0).append(...source);
  const to = new LogMaker(SMALL_TABLE, 't1.d.t', 0);
  to.origin = 'j';
  to.append(...target).appendMark({ job: 'j', topic: 'a.d.t', next: from.end });
  const compare = new TableCompare(
    {
      ...{ table: 't', partition: 0, jobId: 'j', readers, isCounting: () => true },
      ...{ sources: new Map([['a', topicOf('a')]]), targets: new Map([['t1', topicOf('t1')]]) },
      routes: new Map([['a', new ModulusRoute(SMALL_TABLE, 'shard', 2)]]),
    },
    {
      ...{ read: { a: 0 }, schemas: {}, ledgers: { t1: CHECKED } },
      ...{ doubts: [], foreign: [], foreignCount: 0 },
    },
  );
  await compare.takeSource('a', from.fetched());
  await compare.takeTarget('t1', to.fetched());
  const kafka = {
    reader: async (o: ReaderOptions) => ({
      add: (topic: string) => {
        o.onFetched((topic === to.topic ? to : from).fetched());
      },
      release: () => {},
      close: () => {},
    }),
  };
  for (const { doubt, window } of compare.unnamed) {
    compare.name(doubt, await keysIn({ kafka, compare, signal }, window));
  }
  return compare.doubts.flatMap(d => d.keys ?? ['none']);
}

const rows = Array.from({ length: 40 }, (_, i): Event => ({ op: 'c', after: [i, 0, 1] }));

test('the keys that one side alone has, or has with other values, are named', async () => {
  expect(await found(rows, rows)).toEqual([]);
  const lost = rows.filter((_, i) => i !== 7 && i !== 30);
  const damaged = lost.with(3, { op: 'c', after: [3, 0, 2] });
  expect((await found(rows, damaged)).toSorted()).toEqual(['3', '30', '7']);
  expect(await found(rows, [...rows, { op: 'c', after: [99, 0, 1] }])).toEqual(['99']);
});

test('rows of another target are not this one’s, and what was undone is no difference', async () => {
  const others = rows.map((r, i) => (i % 2 ? r : { ...r, after: [i, 1, 1] }));
  const mine = rows.filter((_, i) => i % 2 === 1);
  const undone: Event[] = [
    { op: 'c', after: [99, 0, 1] },
    { op: 'd', before: [99, 0, 1] },
  ];
  expect(await found(others, [...mine.slice(1), ...undone])).toEqual(['1']);
});
