/** The commands that look at a job before it is one: they change nothing. */
import type { Command } from 'commander';
import { type Act, declare } from './command.ts';
import type { doctorCommand } from './doctor.ts';
import type { routeCommand } from './route.ts';

export function examining(act: Act): Command[] {
  return [
    declare(
      'doctor <job>',
      {
        what: 'check everything that a job needs, and print the exact fixes; changes nothing',
        examples: [
          ['doctor job.yaml', 'before the first start, and whenever something is odd'],
          ['doctor job.yaml --json | jq .findings', 'for scripts'],
        ],
        exits: ['blocked'],
      },
      'json',
    )
      .option('--create-targets', 'tables that a target lacks will be created: no blocker')
      .action(
        act(async (...args: Parameters<typeof doctorCommand>) =>
          (await import('./doctor.ts')).doctorCommand(...args),
        ),
      ),
    routing(act),
  ];
}

function routing(act: Act): Command {
  return declare(
    'route <job>',
    {
      what: 'where rows go by the routes of the job file, and how even it is; reads the sources only',
      examples: [
        ['route job.yaml', 'every table: rows and share of each target'],
        ['route job.yaml --table orders --row order_id=7', 'where a row is to be'],
      ],
      exits: ['failed'],
    },
    'json',
  )
    .option('--table <name>', 'only this table')
    .option('--row <column=value>', 'only rows with this value')
    .option('--sample <rows>', 'most rows of a table that are looked at', '100000')
    .action(
      act(async (...args: Parameters<typeof routeCommand>) =>
        (await import('./route.ts')).routeCommand(...args),
      ),
    );
}
