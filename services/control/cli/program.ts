/** The commands of `reshard`. Output of a command goes to standard output, logs to standard error. */
import { Command, CommanderError } from 'commander';
import { jobJsonSchema } from '../../../shared/job/job.ts';
import type { ServiceName } from '../../../shared/member/context.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT } from './exit-code.ts';
import { writeExample } from './init.ts';
import { readJob } from './job-file.ts';
import { pauseCommand, resumeCommand } from './pause.ts';
import { recopyCommand } from './recopy.ts';
import { repairCommand } from './repair.ts';
import { runService, SERVICES } from './service.ts';
import { statusCommand } from './status.ts';
import { topicsCommand } from './topics.ts';
import { upCommand } from './up-command.ts';
import { verifyCommand } from './verify.ts';

const HELP = `
Exit codes: 0 done, 1 failed, 2 wrong usage or job file, 3 blocked by the doctor,
            4 differences found, 5 time limit reached.

Examples:
  reshard init job.yaml                    write a commented example
  reshard doctor job.yaml                  check servers, tables and settings; change nothing
  reshard up job.yaml --create-targets     run the whole job here, until Ctrl-C
  reshard service sink job.yaml            run one more member, on this or another machine
  reshard status job.yaml --watch          follow progress and lag
  reshard pause job.yaml --reason backup   stop the copy; resume lifts the reason
  reshard verify job.yaml                  compare every row of sources and targets`;

export async function program(argv: string[]): Promise<number> {
  let code: number = EXIT.ok;
  const root = new Command('reshard')
    .description('Reshard and replicate live MySQL through Kafka, with a proof of equality.')
    .exitOverride()
    .addHelpText('after', HELP);
  const act =
    <A extends unknown[]>(run: (...args: A) => Promise<number>) =>
    async (...args: A): Promise<void> => {
      code = await run(...args);
    };

  root
    .command('init')
    .argument('[file]', 'file to write', 'reshard.yaml')
    .description('write a commented job file; never overwrites')
    .action(
      act(async (file: string) => {
        await writeExample(file);
        process.stdout.write(`wrote ${file}\n`);
        return EXIT.ok;
      }),
    );
  root
    .command('schema')
    .description('print the JSON Schema of the job file')
    .action(() => {
      process.stdout.write(`${JSON.stringify(jobJsonSchema(), null, 2)}\n`);
    });
  root
    .command('doctor')
    .argument('<job>', 'job file')
    .option('--json', 'findings as JSON')
    .option('--create-targets', 'tables that a target lacks will be created: no blocker')
    .description('check everything that a job needs; changes nothing')
    .action(act(doctorCommand));
  root
    .command('up')
    .argument('<job>', 'job file')
    .option('--create-targets', 'create tables that a target lacks, as copies of the source')
    .option('--json', 'a line of JSON for each second instead of the view')
    .option('--logs <dir>', 'folder for the logs of the services')
    .option('--quiet', 'no view')
    .description('run all services of the job in one process tree, until SIGTERM or Ctrl-C')
    .action(act(upCommand));
  root
    .command('service')
    .argument('<name>', SERVICES.join(', '))
    .argument('<job>', 'job file')
    .option('--http-port <port>', 'port of /health and /metrics; 0 takes a free one', '0')
    .option('--http-host <host>', 'address to listen on', '127.0.0.1')
    .option('--create-targets', 'control only: create tables that a target lacks')
    .description('run one member of one service; start as many as you like')
    .action(act(serviceCommand));
  root
    .command('status')
    .argument('<job>', 'job file')
    .option('--json', 'as JSON')
    .option('--watch', 'repeat every second, until Ctrl-C')
    .description('progress, lag and health of a job, read from Kafka and the servers')
    .action(act(statusCommand));
  root
    .command('verify')
    .argument('<job>', 'job file')
    .option('--json', 'result as JSON')
    .option('--tables <names>', 'only these tables, separated by commas')
    .option('--timeout <seconds>', 'give up after this time', '3600')
    .description('compare every row of the sources with the targets while the job runs')
    .action(act(verifyCommand));
  root
    .command('pause')
    .argument('<job>', 'job file')
    .option('--reason <text>', 'why; each reason has to be lifted by itself', 'operator')
    .description('stop the copy after the chunks under way; changes go on being followed')
    .action(act(pauseCommand));
  root
    .command('resume')
    .argument('<job>', 'job file')
    .option('--reason <text>', 'the reason that no longer holds', 'operator')
    .option('--all', 'whatever the reasons are')
    .description('lift a reason to pause; the copy goes on when none is left')
    .action(act(resumeCommand));
  root
    .command('repair')
    .argument('<job>', 'job file')
    .option('--check <id>', 'the check whose differences are repaired (default: the newest)')
    .option('--keys <keys...>', 'these keys instead: <table>:<key>, columns separated by commas')
    .option('--yes', "do not ask for the job's name")
    .option('--json', 'result as JSON')
    .option('--timeout <seconds>', 'give up waiting after this time', '3600')
    .description('bring keys that differ into the log again as they are, and check their tables')
    .action(act(repairCommand));
  root
    .command('recopy')
    .argument('<job>', 'job file')
    .requiredOption('--source <name>', 'source whose tables are copied anew')
    .option('--tables <names>', 'only these tables, separated by commas')
    .option('--yes', "do not ask for the job's name")
    .option('--json', 'result as JSON')
    .option('--timeout <seconds>', 'give up waiting after this time', '86400')
    .description('copy tables anew, after the binlog was lost or a change could not be carried')
    .action(act(recopyCommand));
  root
    .command('topics')
    .argument('<job>', 'job file')
    .option('--json', 'as JSON')
    .description('the topics of a job with partitions, records and settings')
    .action(act(topicsCommand));

  try {
    await root.parseAsync(argv);
  } catch (e) {
    if (!(e instanceof CommanderError)) throw e;
    return e.exitCode === 0 ? EXIT.ok : EXIT.config;
  }
  return code;
}

async function serviceCommand(
  name: string,
  file: string,
  options: { httpPort: string; httpHost: string; createTargets?: boolean },
): Promise<number> {
  if (!isService(name)) {
    throw new ReshardError('config', `there is no service "${name}"`, {
      remedy: `one of: ${SERVICES.join(', ')}`,
    });
  }
  const httpPort = Number(options.httpPort);
  if (!Number.isInteger(httpPort) || httpPort < 0 || httpPort > 65535) {
    throw new ReshardError('config', `--http-port ${options.httpPort} is not a port`);
  }
  await runService(name, {
    job: await readJob(file),
    log: createLogger({ name: `reshard-${name}` }),
    signal: stopSignal(),
    httpPort,
    httpHost: options.httpHost,
    createTargets: options.createTargets === true,
  });
  return EXIT.ok;
}

function isService(name: string): name is ServiceName {
  return SERVICES.some(s => s === name);
}
