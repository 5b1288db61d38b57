/**
 * What a check of the doctor has to say. A finding that is no more than a complaint is useless:
 * each one names the thing, says what goes wrong because of it, and how to put it right, as a
 * statement that can be pasted where there is one.
 */
export type Level = 'blocker' | 'warning' | 'info';

export interface Finding {
  level: Level;
  /** Stable name of the check, for scripts. */
  code: string;
  /** Server, table, column, topic. */
  where: string;
  what: string;
  why: string;
  /** Exact statements (SQL ends in `;`) or steps; empty if nothing needs to be done. */
  fix: string;
}

export function blocks(findings: readonly Finding[]): boolean {
  return findings.some(f => f.level === 'blocker');
}
