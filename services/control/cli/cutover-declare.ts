/** How `reshard cutover` and what follows it is declared; what they do is loaded when called. */
import { type Command, Option } from 'commander';
import type { cleanupCommand } from './cleanup.ts';
import { type Act, declare, timeoutOption } from './command.ts';
import type { cancelCommand, cutoverCommand, finishCommand, rollbackCommand } from './cutover.ts';
import type { handoverCommand } from './handover.ts';

export function goingOver(act: Act): Command[] {
  return [
    declare(
      'cutover <job>',
      {
        what: 'freeze the sources, let everything drain, let the application onto the targets',
        examples: [
          ['cutover job.yaml --dry-run', 'every gate with its reason, then the steps; no change'],
          ['cutover job.yaml --rehearse', 'every step but those that change something, with times'],
          ['cutover job.yaml', "asks for the job's name; Ctrl-C undoes it, before the journal"],
          ['cutover job.yaml --yes --json', 'for scripts; run it again to finish what began'],
          ['cutover job.yaml --wait 300', 'waits for lag, checks and proofs, before any freeze'],
        ],
        exits: ['shut', 'timeout', 'stopped'],
      },
      'yes',
      'json',
    )
      .option('--dry-run', 'only ask the gates, and say what would be done')
      .option('--rehearse', 'do it on the running job, without the freeze; measures the write stop')
      .addOption(waitOption())
      .addOption(timeoutOption('waiting, and undo it,', 600))
      .action(
        act(async (...args: Parameters<typeof cutoverCommand>) =>
          (await import('./cutover.ts')).cutoverCommand(...args),
        ),
      ),
    returning(act),
    declare(
      'cancel <job>',
      {
        what: 'undo a cutover that is under way; refused when its journal is written',
        examples: [['cancel job.yaml', 'the sources take writes again']],
        exits: ['timeout', 'stopped'],
      },
      'json',
    )
      .addOption(timeoutOption('waiting for control', 120))
      .action(
        act(async (...args: Parameters<typeof cancelCommand>) =>
          (await import('./cutover.ts')).cancelCommand(...args),
        ),
      ),
    finishing(act),
    cleaning(act),
    handing(act),
  ];
}

/** Before anything is frozen, and before `--timeout` begins. */
function waitOption(): Option {
  const what = 'wait so long for gates that open by themselves; others refuse at once';
  return new Option('--wait <seconds>', what);
}

function returning(act: Act): Command {
  return declare(
    'rollback <job>',
    {
      what: 'bring the application back to the sources, with all that it has written since',
      examples: [
        ['rollback job.yaml --dry-run', 'every gate with its reason, then the steps; no change'],
        ['rollback job.yaml', "asks for the job's name; Ctrl-C undoes it, before the journal"],
        ['rollback job.yaml --wait 300', 'waits until the way back has caught up'],
      ],
      exits: ['shut', 'timeout', 'stopped'],
    },
    'yes',
    'json',
  )
    .option('--dry-run', 'only ask the gates, and say what would be done')
    .addOption(waitOption())
    .addOption(timeoutOption('waiting, and undo it,', 600))
    .action(
      act(async (...args: Parameters<typeof rollbackCommand>) =>
        (await import('./cutover.ts')).rollbackCommand(...args),
      ),
    );
}

function cleaning(act: Act): Command {
  return declare(
    'cleanup <job>',
    {
      what: 'delete rows that have moved at their old place, in a cluster that has grown',
      examples: [
        ['cleanup job.yaml --dry-run', 'how many rows are still where; changes nothing'],
        ['cleanup job.yaml', 'those that are equal on their new owner, batch by batch'],
        ['cleanup job.yaml --stale', 'also those that were changed or deleted there since'],
      ],
      exits: ['timeout', 'stopped'],
    },
    'yes',
    'json',
  )
    .option('--dry-run', 'only count them')
    .option('--stale', 'rows too that are other ones on their new owner by now, or gone there')
    .addOption(timeoutOption('waiting, while control goes on,', 3600))
    .action(
      act(async (...args: Parameters<typeof cleanupCommand>) =>
        (await import('./cleanup.ts')).cleanupCommand(...args),
      ),
    );
}

function handing(act: Act): Command {
  return declare(
    'handover <job>',
    {
      what: 'end a copy as a native replica: RESETS the history of the target',
      examples: [
        ['handover job.yaml --dry-run', 'every gate with its reason, then the steps; no change'],
        ['handover job.yaml', "asks for the job's name; the source takes writes all the time"],
        ['handover job.yaml --yes --json', 'for scripts; run it again to wait for the end'],
      ],
      exits: ['shut', 'timeout', 'stopped'],
    },
    'yes',
    'json',
  )
    .option('--dry-run', 'only ask the gates, and say what would be done')
    .addOption(timeoutOption('waiting, while control goes on,', 600))
    .action(
      act(async (...args: Parameters<typeof handoverCommand>) =>
        (await import('./handover.ts')).handoverCommand(...args),
      ),
    );
}

function finishing(act: Act): Command {
  return declare(
    'finish <job>',
    {
      what: 'end a job whose application has gone over, or has come back; no table is dropped',
      examples: [
        ['finish job.yaml', 'the sources stay frozen'],
        ['finish job.yaml --release-sources', 'they take writes again; stop the sinks first'],
        ['finish job.yaml --release-targets', 'after a rollback: the move is given up'],
      ],
      exits: ['timeout', 'stopped'],
    },
    'yes',
    'json',
  )
    .option('--release-sources', 'let the sources take writes again')
    .option('--release-targets', 'after a rollback: let the targets take writes again')
    .addOption(timeoutOption('waiting for control', 120))
    .action(
      act(async (...args: Parameters<typeof finishCommand>) =>
        (await import('./cutover.ts')).finishCommand(...args),
      ),
    );
}
