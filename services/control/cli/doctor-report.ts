/** Findings for a reader: the worst first, each with its cure; colour on a terminal only. */
import type { Finding, Level } from '../../../shared/mysql/finding.ts';

const ORDER: readonly Level[] = ['blocker', 'warning', 'info'];
const COLOUR: Record<Level, string> = {
  blocker: '\x1b[31m',
  warning: '\x1b[33m',
  info: '\x1b[36m',
};
const MARK: Record<Level, string> = { blocker: '✗', warning: '!', info: 'i' };
const BOLD = '\x1b[1m';
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

export interface RenderOptions {
  colour?: boolean;
}

export function renderFindings(findings: readonly Finding[], o: RenderOptions = {}): string {
  const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const colour = o.colour ?? isTerminal;
  const paint = (code: string, text: string): string => (colour ? `${code}${text}${RESET}` : text);
  const lines: string[] = [];
  for (const level of ORDER) {
    for (const f of findings.filter(x => x.level === level)) {
      lines.push(`${paint(COLOUR[level], `${MARK[level]} ${level}`)} ${paint(BOLD, f.where)}`);
      lines.push(`  ${f.what} ${paint(DIM, `[${f.code}]`)}`);
      lines.push(`  why: ${f.why}`);
      if (f.fix !== '') lines.push(`  fix: ${paint(BOLD, f.fix)}`);
      lines.push('');
    }
  }
  lines.push(summary(findings));
  return lines.join('\n');
}

function summary(findings: readonly Finding[]): string {
  const count = (level: Level, word: string): string => {
    const n = findings.filter(f => f.level === level).length;
    return `${n} ${word}${n === 1 ? '' : 's'}`;
  };
  const counts = `${count('blocker', 'blocker')}, ${count('warning', 'warning')}`;
  const isBlocked = findings.some(f => f.level === 'blocker');
  const verdict = isBlocked ? 'The job cannot start.' : 'The job can start.';
  return `${counts}. ${verdict}`;
}
