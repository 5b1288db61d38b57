/** What is asked of a source before its binlog is read, on a real server. */
import { expect, test } from 'vitest';
import { createLogger } from '../../../shared/runtime/log.ts';
import { commonServer } from '../../../test/support/dev.ts';
import { LoadClient } from '../../../test/support/load/client.ts';
import { sourceFacts } from './source-facts.ts';

test('its clock is told in our terms, whatever its time zone is', async () => {
  const s1 = commonServer('s1');
  const source = { ...s1, name: 's1', database: 'mysql' };
  const log = createLogger({ name: 'test', level: 'silent' });
  const client = await LoadClient.open(s1);
  const before = await client.value('SELECT @@global.time_zone');
  try {
    await client.run("SET GLOBAL time_zone = '+05:30'");
    const { clockAheadMs } = await sourceFacts(source, log);
    // Both run on one machine here.
    expect(Math.abs(clockAheadMs)).toBeLessThan(2000);
  } finally {
    await client.run(`SET GLOBAL time_zone = '${before}'`);
    await client.close();
  }
});
