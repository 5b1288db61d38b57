/**
 * The end of a round: the job says that it has drained, then two judges that share no code say that
 * source and targets are equal. A table that the doctor has refused must have been refused for a
 * reason that the documentation names.
 */
import type { Status } from '../../services/control/status/status.ts';
import { type Answer, answerOf, otherBlockers } from '../schemas/answer.ts';
import type { Crew } from '../soak/crew.ts';
import type { JobWatch } from '../soak/watch.ts';
import type { MysqlServer } from '../support/job-file.ts';
import { oracle } from '../support/oracle.ts';
import { callReshard } from '../support/reshard-cli.ts';

const DRAIN_MS = 90_000;
/** A halt that control does not end by itself lasts longer. */
const HALT_MS = 15_000;
const LOOK_MS = 50;
const LISTED = 5;

/** Reasons of docs/TYPES.md for which a table of the generator may be refused. */
const DOCUMENTED = [
  /key text in character set (dec8|hp8|macce|macroman): no literal/,
  /key of CHAR under \w+_nopad_\w+: its index has another order than its literals/,
  /two of its members are the same text/,
];

export function isDocumented(why: string): boolean {
  return why.split('; ').every(w => DOCUMENTED.some(d => d.test(w)));
}

/** The doctor's answer to each table. */
export async function examined(
  jobFile: string,
  database: string,
  tables: readonly { name: string; primaryKey: string[] }[],
): Promise<Answer[]> {
  const { out, err } = await callReshard('doctor', jobFile, '--create-targets', '--json');
  const findings = out.startsWith('{') ? (JSON.parse(out).findings ?? []) : [];
  const others = otherBlockers(database, findings);
  if (findings.length === 0 || others.length > 0) {
    throw new Error(`the doctor says nothing of the tables: ${JSON.stringify(others)} ${err}`);
  }
  return tables.map(t => answerOf(t, database, findings));
}

/** Waits for a state of the job; a halt that stays ends the wait. */
export async function reached(
  what: string,
  { crew, watch }: { crew: Crew; watch: JobWatch },
  done: (s: Status) => boolean,
  limitMs = DRAIN_MS,
): Promise<void> {
  const from = performance.now();
  let haltedAt: number | undefined;
  let said: string | undefined;
  for (;;) {
    const now = performance.now();
    const { status, halted } = watch;
    if (status !== undefined && watch.heardAt > from && done(status)) return;
    if (halted !== said) haltedAt = halted === undefined ? undefined : now;
    said = halted;
    const failure =
      crew.failure ?? (haltedAt !== undefined && now - haltedAt > HALT_MS ? halted : undefined);
    if (failure !== undefined) throw new Error(`${what}: ${failure}`);
    if (now - from > limitMs) {
      throw new Error(`waited ${limitMs / 1000} s for ${what}: ${JSON.stringify(status)}`);
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}

export async function verified(jobFile: string): Promise<string | undefined> {
  const { code, out, err } = await callReshard('verify', jobFile, '--json', '--timeout', '90');
  return code === 0 ? undefined : `verify: exit code ${code}\n${out}${err}`;
}

/** HEX of every column, source against targets; differences as text. */
export async function differences(o: {
  source: MysqlServer;
  targets: readonly MysqlServer[];
  database: string;
  tables: readonly string[];
}): Promise<{ rows: number; differing: string[] }> {
  const named = (server: MysqlServer, i: number) => ({
    ...server,
    name: `${i}`,
    database: o.database,
  });
  const { tables } = await oracle({
    sources: [named(o.source, 0)],
    targets: o.targets.map(named),
    tables: o.tables.map(name => ({ name, shardColumn: null })),
  });
  return {
    rows: tables.reduce((sum, t) => sum + t.sourceRows, 0),
    differing: tables.flatMap(t =>
      t.differences.slice(0, LISTED).map(d => `oracle: ${t.table} ${d.key} ${d.kind}`),
    ),
  };
}
