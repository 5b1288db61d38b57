/**
 * What a command writes. Whoever finds a fault does not know what the job file is called where its
 * remedy will be read: another member found it, on another machine. So every remedy names the file
 * by a placeholder, and here, where it is shown, the placeholder becomes the path that this command
 * was given: a remedy runs as it is printed. The obvious way, the path in the error, would be the
 * path of another machine.
 */
const PLACEHOLDER = '<job file>';

let jobFile: string | null = null;

/** The path of the job file, as the user has written it. */
export function useJobFile(path: string): void {
  jobFile = path;
}

/** The text with the job file's path in it, as a shell takes it. */
export function filled(text: string, path = jobFile): string {
  if (path === null || !text.includes(PLACEHOLDER)) return text;
  const word = /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  return text.replaceAll(PLACEHOLDER, () => word);
}

/** What was asked for. */
export function print(text: string): void {
  process.stdout.write(filled(text));
}

/** The same as JSON; texts in it are filled before they are quoted. */
export function printJson(value: unknown, indent?: number): void {
  process.stdout.write(`${jsonOf(value, indent)}\n`);
}

/** A record whose texts are filled: before they are broken into lines. */
export function filledIn<T>(record: T): T {
  return JSON.parse(jsonOf(record));
}

/** A line of a log, which is JSON. */
export function filledLine(line: string): string {
  if (jobFile === null || !line.includes(PLACEHOLDER)) return line;
  return line.replaceAll(PLACEHOLDER, () => JSON.stringify(filled(PLACEHOLDER)).slice(1, -1));
}

export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, shown, indent);
}

/** What is said beside it: progress, warnings, errors. */
export function tell(text: string): void {
  process.stderr.write(filled(text));
}

function shown(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'string' ? filled(value) : value;
}
