/** I10: a purged binlog is a loud stop with a remedy; the remedy makes log and targets right. */
import { expect, it } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { sourceName } from '../support/job-file.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

it(
  'a purged binlog halts the reader; recopy under load makes targets and log equal again',
  async () => {
    await using mysql = await ShopJob.servers();
    await using job = await ShopJob.prepare({ mysql, orders: 2000 });
    job.start(...SERVICES);
    await job.copied();
    await job.drained();
    expect(await job.end('binlog', 'SIGTERM')).toBe(0);
    const source = await job.sql();
    try {
      expect(await source.insist('DELETE FROM order_items LIMIT 50')).toBe(50);
      expect(await source.insist('UPDATE orders SET total = total + 7 LIMIT 30')).toBe(30);
      await source.run('FLUSH BINARY LOGS');
      const isPurged = async (): Promise<boolean> => {
        await source.run('PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY');
        return (await source.run('SHOW BINARY LOGS')) === 1;
      };
      // MariaDB keeps what it still sends to a reader, even to one that has just gone.
      await until(isPurged, { timeoutMs: MINUTES, what: 'the binlog to be purged' });
    } finally {
      await source.close();
    }
    job.start('binlog');
    const halted = () => job.status?.services.find(s => s.state === 'halted');
    await until(() => halted() !== undefined, { timeoutMs: MINUTES, what: 'the loud stop' });
    expect(halted()?.error).toMatch(/^position-lost/);
    const status = await callReshard('status', job.jobFile);
    expect(status.code).toBe(1);
    // As it is printed, whatever that is.
    const [, printed = ''] = /`reshard (recopy [^`]*)`/.exec(status.out) ?? [];
    const [verb = '', ...args] = printed.split(' ');
    expect(args).toEqual([job.jobFile, '--source', sourceName(job.name, 0)]);

    await using load = job.load(25);
    const recopied = await callReshard(verb, ...args, '--yes', '--json', '--timeout', '300');
    console.log(recopied.out.slice(0, 400));
    expect(recopied.code, recopied.err).toBe(0);
    await load.stop();
    await until(() => halted() === undefined, { timeoutMs: MINUTES, what: 'the reader to go on' });
    await job.drained();
    await job.expectEqual();
    await using consumer = await job.plainConsumer();
    await job.expectFollowed(consumer);
  },
  8 * MINUTES,
);
