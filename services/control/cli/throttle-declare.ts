/** How `reshard throttle` is declared; what it does is loaded when it is called. */
import type { Command } from 'commander';
import { declare, timeoutOption } from './command.ts';
import type { throttleCommand } from './throttle.ts';

type Arguments = Parameters<typeof throttleCommand>;

export function declareThrottle(
  act: (run: (...args: Arguments) => Promise<number>) => (...args: Arguments) => Promise<void>,
): Command {
  return declare(
    'throttle <job>',
    {
      what: 'what brakes copy and checks, since when, what lifts it; changes are never braked',
      examples: [
        ['throttle job.yaml', 'the limits, and what brakes now'],
        ['throttle job.yaml --set rows=5000', 'rows a second, all members together, at once'],
        [
          'throttle job.yaml --set check-rows=20000',
          'rows of the sources that a check reads a second',
        ],
        ['throttle job.yaml --set max-lag=100000', 'waits while a target is further behind'],
        ['throttle job.yaml --set max-threads=40', 'waits while more run on a source or target'],
        ['throttle job.yaml --set max-replica-lag=10', 'seconds; of the replicas in the job file'],
        ['throttle job.yaml --set window=22:00-06:00', 'copies and checks at these hours (UTC)'],
        ['throttle job.yaml --clear rows,max-lag', 'as fast as it can again'],
        ['throttle job.yaml --pause', 'stops the copy (`pause --reason` gives a reason)'],
        ['throttle job.yaml --resume', 'lifts that; other reasons stay'],
      ],
      exits: ['timeout', 'stopped'],
    },
    'json',
  )
    .option(
      '--set <limits>',
      '<name>=<value>, several by commas: rows, check-rows, window, max-lag, max-threads, ' +
        'max-replica-lag',
    )
    .option('--clear <names>', 'limits to take away, several by commas')
    .option('--pause', 'stop the copy after the chunks under way')
    .option('--resume', 'lift what --pause has asked for')
    .option('--by <name>', 'who asks for it (default: user@host)')
    .addOption(timeoutOption('waiting for control', 60))
    .action(act(async (...args) => (await import('./throttle.ts')).throttleCommand(...args)));
}
