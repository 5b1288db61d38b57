/** How commands are declared: the same options under the same names, each with its help. */
import { Command, Option } from 'commander';
import { EXIT, EXIT_TEXT, type Exit } from './exit-code.ts';

export interface Usage {
  what: string;
  /** Command lines without `reshard`, each with what it does. */
  examples: readonly (readonly [line: string, does: string])[];
  /** Besides 0, 1 and 2. */
  exits?: readonly Exit[];
}

export type OptionName = keyof typeof OPTIONS;

const OPTIONS = {
  json: ['--json', 'facts as JSON on standard output, errors too'],
  createTargets: ['--create-targets', 'create tables that a target lacks, as copies of the source'],
  tables: ['--tables <names>', 'only these tables, separated by commas'],
  reason: ['--reason <text>', 'why; each reason has to be lifted by itself', 'operator'],
  yes: ['--yes', "do not ask for the job's name"],
} as const;

/** A command; with `<job>` as its last argument unless it is about none. */
export function declare(usage: string, about: Usage, ...options: OptionName[]): Command {
  const [name = '', ...args] = usage.split(' ');
  const command = new Command(name).description(about.what).addHelpText('after', helpOf(about));
  for (const arg of args) command.argument(arg, arg === '<job>' ? 'job file' : '');
  for (const option of options) {
    const [flags, text, value] = OPTIONS[option];
    const made = new Option(flags, text);
    command.addOption(value === undefined ? made : made.default(value));
  }
  return command.exitOverride().showHelpAfterError(`(reshard ${name} --help says more)`);
}

export function timeoutOption(what: string, seconds: number): Option {
  return new Option('--timeout <seconds>', `give up ${what} after this time`).default(`${seconds}`);
}

function helpOf({ examples, exits = [] }: Usage): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  reshard ${line.padEnd(width)}  ${does}`);
  const all: Exit[] = ['ok', 'failed', 'config', ...exits];
  const codes = all.map(exit => `${EXIT[exit]} ${EXIT_TEXT[exit]}`);
  return `\nExamples:\n${lines.join('\n')}\n\nExit codes: ${codes.join(', ')}.`;
}

type Run<A extends unknown[]> = (...args: A) => Promise<number>;

/** Makes an action of a command's function: its number becomes the exit code. */
export type Act = <A extends unknown[]>(run: Run<A>) => (...args: A) => Promise<void>;
