/** I14: a source whose numbers began anew is a loud stop; its remedy makes all equal again. */
import { expect, it } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { sourceName } from '../support/job-file.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

it(
  'the source is reset and has more transactions than before: halts, and recopy makes it right',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 1000 });
    job.start(...SERVICES);
    await job.copied();
    await job.drained();
    const source = await job.sql();
    try {
      const isMysql = mysql.mysql('s1').flavor === 'mysql';
      await source.run(isMysql ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
      for (let id = 1; id <= 200; id++) {
        await source.insist('UPDATE orders SET total = total + 7 WHERE order_id = ?', [id]);
      }
      await source.insist('DELETE FROM order_items LIMIT 20');
    } finally {
      await source.close();
    }
    const halted = () => job.status?.services.find(s => s.state === 'halted');
    await until(() => halted() !== undefined, { timeoutMs: MINUTES, what: 'the loud stop' });
    expect(halted()?.error).toMatch(/^(history-changed|position-lost)/);
    expect((await callReshard('status', job.jobFile)).out).toContain(
      `reshard recopy ${job.jobFile}`,
    );
    await using load = job.load(80);
    const name = sourceName(job.name, 0);
    const args = ['--source', name, '--yes', '--json', '--timeout', '300'];
    const recopied = await callReshard('recopy', job.jobFile, ...args);
    expect(recopied.code, recopied.err).toBe(0);
    await load.stop();
    await until(() => halted() === undefined, { timeoutMs: MINUTES, what: 'the reader to go on' });
    await job.drained();
    await job.expectEqual();
  },
  8 * MINUTES,
);
