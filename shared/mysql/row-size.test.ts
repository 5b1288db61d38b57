/** T5: what is said about a row that a message cannot hold is enough, and can be done. */
import { expect, test } from 'vitest';
import type { TableSchema } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import type { Finding } from './finding.ts';
import { checkRowSize } from './row-size.ts';

const MB = 1024 * 1024;
const schema: TableSchema = {
  db: 'd',
  table: 't',
  columns: [
    {
      name: 'raw',
      type: { kind: 'binary', form: 'longblob', length: 2 ** 32 - 1 },
      nullable: false,
      autoIncrement: false,
      generated: 'no',
      invisible: false,
    },
  ],
  primaryKey: [0],
  uniqueKeys: [],
};

function findings(rowBytes: number, maxMessageBytes: number): Promise<Finding[]> {
  const session = {
    flavor: 'mysql',
    query: async () => [{ bytes: `${rowBytes}` }],
  } as unknown as MysqlSession;
  return checkRowSize(session, schema, maxMessageBytes, 'd.t');
}

test('the limit that is advised is enough', async () => {
  const [found] = await findings(20 * MB, 16 * MB);
  expect(found).toMatchObject({ level: 'blocker', code: 'row-size' });
  expect(found?.fix).not.toMatch(/socket/);
  const advised = Number(/maxMessageBytes: (\d+)/.exec(found?.fix ?? '')?.[1]);
  expect((await findings(20 * MB, advised)).filter(f => f.level === 'blocker')).toEqual([]);
});

test('near the most that a job may set, that is advised, and the brokers are named', async () => {
  const [found] = await findings(120 * MB, 16 * MB);
  expect(found).toMatchObject({ level: 'blocker', code: 'row-size' });
  expect(found?.fix).toMatch(`maxMessageBytes: ${256 * MB}\``);
  expect(found?.fix).toMatch('socket.request.max.bytes');
  expect((await findings(120 * MB, 256 * MB)).filter(f => f.level === 'blocker')).toEqual([]);
});

test('a row that no message can hold: no limit is advised', async () => {
  const [found] = await findings(128 * MB, 256 * MB);
  expect(found).toMatchObject({ level: 'blocker', code: 'row-size-max' });
  expect(found?.fix).toMatch(/leave the table out/);
});
