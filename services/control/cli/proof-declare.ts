/** How `reshard verify`, `trace` and `repair` are declared; what they do is loaded when called. */
import type { Command } from 'commander';
import { type Act, declare, timeoutOption } from './command.ts';
import type { repairCommand } from './repair.ts';
import type { traceCommand } from './trace.ts';
import type { verifyCommand } from './verify.ts';

export function proving(act: Act): Command[] {
  return [declareVerify(act), declareTrace(act), declareRepair(act)];
}

function declareVerify(act: Act): Command {
  return declare(
    'verify <job>',
    {
      what: 'compare every row of the sources with the targets while the job runs',
      examples: [
        ['verify job.yaml', 'all tables; names the keys that differ'],
        ['verify job.yaml --tables orders,customers --json', 'some, for scripts'],
        [
          'verify job.yaml --tables orders --from 1000 --to 2000',
          'these rows; proves nothing else',
        ],
        [
          `verify job.yaml --tables orders --where "created_at >= '2026-01-01'"`,
          'rows that meet it on a source or a target; times in UTC',
        ],
        ['verify job.yaml --values', 'with the values of rows that differ, which are masked else'],
        ['verify job.yaml --html check.html', 'the verdict as a page that can be filed, too'],
      ],
      exits: ['different', 'timeout', 'stopped'],
    },
    'json',
    'tables',
  )
    .option('--from <key>', 'of one table: from this key on, itself included; columns by commas')
    .option('--to <key>', 'of one table: up to this key, itself included')
    .option('--where <condition>', 'of one table: rows that meet it; columns of the row alone')
    .option('--values', 'show what the rows that differ hold: read from the servers, kept nowhere')
    .option('--html <file>', 'write the verdict as one HTML page, to a new file')
    .addOption(timeoutOption('waiting', 3600))
    .action(
      act(async (...args: Parameters<typeof verifyCommand>) =>
        (await import('./verify.ts')).verifyCommand(...args),
      ),
    );
}

function declareTrace(act: Act): Command {
  return declare(
    'trace <job>',
    {
      what: 'say of keys that differ where each row was lost: before the log or behind it',
      examples: [
        ['trace job.yaml', 'what checks have found; changes nothing'],
        ['trace job.yaml --keys orders:17 order_items:17,2', 'these keys, without a check'],
        ['trace job.yaml --records 5000000 --json', 'reads more of the log; for scripts'],
      ],
      exits: ['different', 'timeout', 'stopped'],
    },
    'json',
  )
    .option(
      '--check <id>',
      'the check whose differences are traced (default: of each table the one that found some)',
    )
    .option('--keys <keys...>', 'these keys instead: <table>:<key>, columns separated by commas')
    .option('--records <number>', 'how much of the end of a partition is read', '500000')
    .addOption(timeoutOption('tracing', 600))
    .action(
      act(async (...args: Parameters<typeof traceCommand>) =>
        (await import('./trace.ts')).traceCommand(...args),
      ),
    );
}

function declareRepair(act: Act): Command {
  return declare(
    'repair <job>',
    {
      what: 'bring keys that differ into the log again as they are, and check their tables',
      examples: [
        ['repair job.yaml', 'what checks have found, of each table'],
        ['repair job.yaml --keys orders:17 order_items:17,2', 'these keys, without a check'],
        ['repair job.yaml --sql scripts/', 'writes SQL to be run by hand, a file for each target'],
        ['repair job.yaml --yes --json', 'for scripts'],
      ],
      exits: ['different', 'timeout', 'stopped'],
    },
    'yes',
    'json',
  )
    .option(
      '--check <id>',
      'the check whose differences are repaired (default: of each table the one that found some)',
    )
    .option(
      '--sql [folder]',
      'change nothing: print SQL for each target, or write it to files there',
    )
    .option('--keys <keys...>', 'these keys instead: <table>:<key>, columns separated by commas')
    .addOption(timeoutOption('waiting', 3600))
    .action(
      act(async (...args: Parameters<typeof repairCommand>) =>
        (await import('./repair.ts')).repairCommand(...args),
      ),
    );
}
