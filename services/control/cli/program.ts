/**
 * The commands of `reshard`. Output of a command goes to standard output, logs to standard error.
 * The code of a command is loaded when it is asked for: loading all of it takes longer than most
 * commands, and `up` waits for it six times.
 */

import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import type { applyCommand } from './apply.ts';
import { WAY_BACK_FLAG } from './child-message.ts';
import { type Act, declare, timeoutOption } from './command.ts';
import { goingOver } from './cutover-declare.ts';
import { declareDdl } from './ddl-declare.ts';
import type { dropCommand } from './drop.ts';
import type { errorsCommand } from './errors.ts';
import { examining } from './examine-commands.ts';
import { EXIT, EXIT_TEXT } from './exit-code.ts';
import { writeExample } from './init.ts';
import { tellError } from './json-error.ts';
import { print, printJson } from './output.ts';
import type { pauseCommand, resumeCommand } from './pause.ts';
import { proving } from './proof-declare.ts';
import type { recopyCommand } from './recopy.ts';
import { SERVICES } from './service.ts';
import type { serviceCommand } from './service-command.ts';
import type { statusCommand } from './status.ts';
import { declareThrottle } from './throttle-declare.ts';
import type { topicsCommand } from './topics.ts';
import type { upCommand } from './up-command.ts';

const HELP = `
Every command has examples and its exit codes: reshard <command> --help

Exit codes: ${Object.entries(EXIT)
  .map(([name, code]) => `${code} ${EXIT_TEXT[name as keyof typeof EXIT]}`)
  .join(', ')}.

In this order:
  reshard init job.yaml                    write a commented example, to be filled in
  reshard doctor job.yaml                  check servers, tables and settings; change nothing
  reshard up job.yaml --create-targets     run the whole job here, until Ctrl-C
  reshard status job.yaml --watch          follow progress and lag
  reshard verify job.yaml                  compare every row of sources and targets
  reshard repair job.yaml                  cure what verify has found
  reshard cutover job.yaml --dry-run       whether the application could go over, and how`;

export async function program(argv: string[]): Promise<number> {
  let code: number = EXIT.ok;
  const act: Act =
    run =>
    async (...args) => {
      try {
        code = await run(...args);
      } catch (e) {
        if (isJson(args)) tellError(e);
        throw e;
      }
    };
  const root = new Command('reshard')
    .description('Reshard and replicate live MySQL through Kafka, with a proof of equality.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(reshard --help lists the commands)')
    .addHelpText('after', HELP);
  for (const command of [
    ...beginning(act),
    ...examining(act),
    ...starting(act),
    ...watching(act),
    declareThrottle(act),
    ...proving(act),
    ...copyingAnew(act),
    ...goingOver(act),
    ...changing(act),
  ]) {
    root.addCommand(command);
  }
  try {
    await root.parseAsync(argv);
  } catch (e) {
    if (!(e instanceof CommanderError)) throw e;
    return e.exitCode === 0 ? EXIT.ok : EXIT.config;
  }
  return code;
}

function beginning(act: Act): Command[] {
  return [
    declare('init', {
      what: 'write a commented job file; never overwrites',
      examples: [
        ['init job.yaml', 'then fill in servers, tables and the column to shard by'],
        ['init job.yaml --kind merge', 'also split, copy, expand: docs/KINDS.md'],
      ],
    })
      .argument('[file]', 'file to write', 'reshard.yaml')
      .option('--kind <kind>', 'what the job is for', 'reshard')
      .action(
        act(async (file: string, { kind }: { kind: string }) => {
          await writeExample(file, kind);
          print(`wrote ${file}\n`);
          return EXIT.ok;
        }),
      ),
    declare('schema', {
      what: 'print the JSON Schema of the job file',
      examples: [['schema > job.schema.json', 'for an editor that completes and checks']],
    }).action(async () => {
      const { jobJsonSchema } = await import('../../../shared/job/job-schema.ts');
      printJson(jobJsonSchema(), 2);
    }),
    declare(
      'errors',
      {
        what: 'what each kind of error means, what happens then, and what to do',
        examples: [
          ['errors', 'all kinds'],
          ['errors position-lost', 'one, as a message of a log or of `status` names it'],
          ['errors --markdown > docs/ERRORS.md', 'the page of the documentation'],
        ],
      },
      'json',
    )
      .argument('[kind]', 'one kind')
      .option('--markdown', 'as a page')
      .action(
        act(async (...args: Parameters<typeof errorsCommand>) =>
          (await import('./errors.ts')).errorsCommand(...args),
        ),
      ),
  ];
}

function starting(act: Act): Command[] {
  return [
    declare(
      'up <job>',
      {
        what: 'run all services of the job in one process tree, until SIGTERM or Ctrl-C',
        examples: [
          ['up job.yaml --create-targets', 'with a live view; logs go to <job>-logs'],
          ['up job.yaml --quiet >up.log 2>&1', 'without a view, for a supervisor'],
        ],
        exits: ['blocked'],
      },
      'json',
      'createTargets',
    )
      .option('--logs <dir>', 'folder for the logs of the services')
      .option('--quiet', 'no view')
      .action(
        act(async (...args: Parameters<typeof upCommand>) =>
          (await import('./up-command.ts')).upCommand(...args),
        ),
      ),
    declare(
      'service <name> <job>',
      {
        what: `run one member of a service (${SERVICES.join(', ')}); start as many as you like`,
        examples: [
          ['service sink job.yaml', 'one more sink, on this or another machine'],
          ['service binlog job.yaml --http-port 8080', 'with /health and /metrics on a port'],
        ],
        exits: ['blocked'],
      },
      'createTargets',
    )
      .option('--http-port <port>', 'port of /health and /metrics; 0 takes a free one', '0')
      .option('--http-host <host>', 'address to listen on', '127.0.0.1')
      .addOption(new Option(WAY_BACK_FLAG).hideHelp())
      .action(
        act(async (...args: Parameters<typeof serviceCommand>) =>
          (await import('./service-command.ts')).serviceCommand(...args),
        ),
      ),
  ];
}

function watching(act: Act): Command[] {
  return [
    declare(
      'status <job>',
      {
        what: 'progress, lag and health of a job, read from Kafka and the servers',
        examples: [
          [
            'status job.yaml',
            'once, the worst thing first; 0 only if the job is at work or paused',
          ],
          ['status job.yaml --watch', 'until Ctrl-C; plain lines when it is no terminal'],
          ['status job.yaml --json | jq .pauses', 'who has paused the copy, why, since when'],
        ],
        exits: ['waiting'],
      },
      'json',
    )
      .option('--watch', 'repeat every second, until Ctrl-C')
      .action(
        act(async (...args: Parameters<typeof statusCommand>) =>
          (await import('./status.ts')).statusCommand(...args),
        ),
      ),
    declare(
      'pause <job>',
      {
        what: 'stop the copy after the chunks under way; changes go on being followed',
        examples: [['pause job.yaml --reason backup', '`resume --reason backup` lifts it']],
      },
      'reason',
      'json',
    )
      .option('--by <name>', 'who asks for it (default: user@host)')
      .action(
        act(async (...args: Parameters<typeof pauseCommand>) =>
          (await import('./pause.ts')).pauseCommand(...args),
        ),
      ),
    declare(
      'resume <job>',
      {
        what: 'lift a reason to pause; the copy goes on when none is left',
        examples: [
          ['resume job.yaml --reason backup', 'other reasons stay'],
          ['resume job.yaml --all', 'whatever the reasons are'],
        ],
      },
      'reason',
      'json',
    )
      .option('--all', 'whatever the reasons are')
      .action(
        act(async (...args: Parameters<typeof resumeCommand>) =>
          (await import('./pause.ts')).resumeCommand(...args),
        ),
      ),
    ...lookingAtTopics(act),
  ];
}

function lookingAtTopics(act: Act): Command[] {
  return [
    declare(
      'topics <job>',
      {
        what: 'the topics of a job with partitions, records and settings',
        examples: [['topics job.yaml', 'what other consumers can follow']],
      },
      'json',
    ).action(
      act(async (...args: Parameters<typeof topicsCommand>) =>
        (await import('./topics.ts')).topicsCommand(...args),
      ),
    ),
  ];
}

function copyingAnew(act: Act): Command[] {
  return [
    declare(
      'recopy <job>',
      {
        what: 'copy tables anew, after the binlog was lost or a change could not be carried',
        examples: [
          ['recopy job.yaml --source s1', 'all tables of s1'],
          ['recopy job.yaml --source s1 --tables orders', 'one; says what stays unproven'],
        ],
        exits: ['different', 'timeout', 'stopped'],
      },
      'tables',
      'yes',
      'json',
    )
      .requiredOption('--source <name>', 'source whose tables are copied anew')
      .addOption(timeoutOption('waiting', 86_400))
      .action(
        act(async (...args: Parameters<typeof recopyCommand>) =>
          (await import('./recopy.ts')).recopyCommand(...args),
        ),
      ),
  ];
}

function changing(act: Act): Command[] {
  return [
    declare(
      'apply <job>',
      {
        what: 'take up what was changed in the job file while the job runs; refuse what cannot be',
        examples: [
          ['apply job.yaml --dry-run', 'shows the difference and what would be done'],
          ['apply job.yaml --create-targets', 'a new table is created, planned and copied'],
        ],
        exits: ['blocked', 'timeout', 'stopped'],
      },
      'json',
      'createTargets',
    )
      .option('--dry-run', 'only show the difference')
      .addOption(timeoutOption('waiting for control', 120))
      .action(
        act(async (...args: Parameters<typeof applyCommand>) =>
          (await import('./apply.ts')).applyCommand(...args),
        ),
      ),
    declareDdl(act),
    declare(
      'drop <job>',
      {
        what: 'remove all that a job owns: topics, subjects, groups, and its own rows on the targets',
        examples: [
          ['drop job.yaml --dry-run', 'says what would be removed'],
          ['drop job.yaml', "asks for the job's name; your own tables are never touched"],
        ],
      },
      'yes',
      'json',
    )
      .option('--dry-run', 'only say what would be removed')
      .action(
        act(async (...args: Parameters<typeof dropCommand>) =>
          (await import('./drop.ts')).dropCommand(...args),
        ),
      ),
  ];
}

/** The last argument of an action is its command, the one before holds its options. */
function isJson(args: readonly unknown[]): boolean {
  const command = args.at(-1);
  return command instanceof Command && command.opts<{ json?: boolean }>().json === true;
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}
