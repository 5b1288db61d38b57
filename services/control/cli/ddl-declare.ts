/** How `reshard ddl` is declared; what it does is loaded when it is called. */
import type { Command } from 'commander';
import { declare, timeoutOption } from './command.ts';
import type { ddlCommand } from './ddl.ts';

type Arguments = Parameters<typeof ddlCommand>;

export function declareDdl(
  act: (run: (...args: Arguments) => Promise<number>) => (...args: Arguments) => Promise<void>,
): Command {
  return declare(
    'ddl <action> <job>',
    {
      what: 'schema changes of the sources: list all, show what would be done, apply, or skip',
      examples: [
        ['ddl list job.yaml', 'every statement that the job has met, open ones first'],
        ['ddl show job.yaml', 'tables that are not as they were planned, and the way on'],
        ['ddl apply job.yaml --source s1 --tables orders', 'the log of s1 goes on, no copy'],
        ['ddl apply job.yaml --tables orders --keep', 'what was dropped stays on the targets'],
        ['ddl skip job.yaml --source s1', 'your word that what s1 stands at changed no row'],
      ],
      exits: ['timeout', 'stopped'],
    },
    'tables',
    'yes',
    'json',
  )
    .option('--source <name>', 'only tables of this source')
    .option('--drop', 'apply: the targets lose columns that sources have dropped')
    .option('--keep', 'apply: the targets keep columns that sources have dropped')
    .addOption(timeoutOption('waiting for control', 120))
    .action(act(async (...args) => (await import('./ddl.ts')).ddlCommand(...args)));
}
