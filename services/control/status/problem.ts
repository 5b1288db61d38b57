/**
 * Everything that is wrong with a job, the worst first: what the headline, the exit code of
 * `reshard status` and every command that waits go by. Pure functions of what was asked and
 * answered; what cannot be known is a problem too, never a zero.
 */
import { isHandedOver } from '../../../shared/job/state/handover.ts';
import { differencesText } from '../../../shared/job/state/proof.ts';
import { doubtText } from '../../../shared/job/state/stream-report.ts';
import { firstLine, unreachable } from '../../../shared/runtime/error.ts';
import {
  type Level,
  PROBLEM_WORDS,
  type ProblemWord,
  type ServiceStatus,
  type SourceStatus,
  type StatusFacts,
  type TargetStatus,
  type WayBackStatus,
} from './status.ts';

export interface Problem {
  word: ProblemWord;
  /** What it is about: `binlog/s1`, `target t1`, `topic s1.shop.orders`. */
  what: string;
  /** Why, and what to do; several lines. Empty when the word says all. */
  why: string;
  /** Empty where the problem is not that of one service, source, target or table. */
  service: string;
  source: string;
  target: string;
  table: string;
  /** What ends it is under way already: nobody has to do anything but wait. */
  passes: boolean;
}

/** Whose problems a command has to fear: those of the named things, and those of the whole job. */
export interface Scope {
  services?: readonly string[];
  source?: string;
  tables?: readonly string[];
}

/** A report is sent every second: after so long without one, something has happened. */
export const SILENT_SECONDS = 10;

const NOWHERE = { service: '', source: '', target: '', table: '', passes: false };

export function problemsOf(s: StatusFacts): Problem[] {
  // Nothing of the job writes to the target any more, and what it kept there is gone.
  if (isHandedOver(s.handover)) return handoverProblems(s);
  const found = [
    ...s.services.flatMap(unitProblem),
    ...s.topics.map(
      (t): Problem => ({
        ...NOWHERE,
        word: t.state === 'gone' ? 'log-gone' : 'unknown',
        what: `topic ${t.topic}`,
        why: t.error,
        source: t.source,
        table: t.table,
      }),
    ),
    ...s.sources.flatMap(sourceProblem),
    ...s.targets.flatMap(targetProblem),
    ...tableProblems(s),
    ...streamProblems(s),
    ...blindProblems(s),
    ...cutoverProblems(s),
    ...handoverProblems(s),
    ...wayBackProblems(s),
    ...jobProblems(s),
  ];
  return found.sort((a, b) => rank(a.word) - rank(b.word));
}

/**
 * What a command that waits shows while something in its scope is wrong, in one line. Rows that
 * differ hinder nothing, a repair waits because of them; of a pause the command has told before.
 */
export function hindrance(s: StatusFacts, scope: Scope): string | null {
  const found = problemsOf(s)
    .filter(p => p.word !== 'differing' && p.word !== 'doubt' && p.word !== 'paused')
    .find(p => isIn(p, scope));
  return found === undefined ? null : firstLine(problemText(found));
}

export function problemText({ word, what, why }: Problem): string {
  const head = what === '' ? word : `${word}: ${what}`;
  return why === '' ? head : `${head}: ${why}`;
}

export function levelOf(word: ProblemWord): Level {
  switch (word) {
    case 'fence-lost':
    case 'unopened':
    case 'frozen':
    case 'way-back':
    case 'halted':
    case 'log-gone':
    case 'blocked':
    case 'differing':
    case 'doubt':
    case 'silent':
      return 'failure';
    case 'missing':
    case 'stopped':
    case 'unknown':
    case 'backing-off':
    case 'handing':
    case 'way-back-waits':
    case 'waiting':
    case 'starting':
    case 'registry-away':
    case 'paused':
    case 'throttled':
      return 'warning';
    default:
      return unreachable(word);
  }
}

function isIn(p: Problem, { services, source, tables }: Scope): boolean {
  if (services !== undefined && p.service !== '' && !services.includes(p.service)) return false;
  if (source !== undefined && p.source !== '' && p.source !== source) return false;
  return tables === undefined || p.table === '' || tables.includes(p.table);
}

function rank(word: ProblemWord): number {
  return PROBLEM_WORDS.indexOf(word);
}

function unitProblem(u: ServiceStatus): Problem[] {
  const word = wordOf(u);
  if (word === null) return [];
  const why =
    u.error ??
    (word === 'silent'
      ? `no report for ${u.ageSeconds} s from ${u.member}`
      : word === 'unknown'
        ? `state ${u.state}`
        : '');
  const passes = word === 'starting';
  return [{ ...NOWHERE, ...partsOf(u), word, what: `${u.service}/${u.unit}`, why, passes }];
}

/** A state that this version does not know is no good state, and an old report says nothing. */
function wordOf({ state, error, ageSeconds }: ServiceStatus): ProblemWord | null {
  if (isOneOf(state, ['halted', 'blocked', 'silent', 'missing', 'stopped'])) return state;
  if (ageSeconds > SILENT_SECONDS) return 'silent';
  if (state !== 'running' && state !== 'starting' && state !== 'backing-off') return 'unknown';
  if (state === 'backing-off' || error !== null) return 'backing-off';
  return state === 'starting' ? 'starting' : null;
}

function isOneOf<T extends string>(text: string, words: readonly T[]): text is T {
  return words.some(word => word === text);
}

/** Which source or target a unit is about, by its name. */
function partsOf({ service, unit }: ServiceStatus): Partial<Problem> {
  if (service === 'binlog') return { service, source: unit };
  if (service === 'snapshot') return { service, source: unit.replace(/^repair\//, '') };
  if (service === 'sink') return { service, target: unit.replace(/\/\d+$/, '') };
  return { service };
}

function sourceProblem({ source, unknown, lagSeconds, caughtUp }: SourceStatus): Problem[] {
  const problem = { ...NOWHERE, what: `source ${source}`, source };
  if (unknown !== null) return [{ ...problem, word: 'unknown', why: unknown }];
  if (caughtUp || lagSeconds !== null) return [];
  const why = 'nothing of it is in the log yet';
  return [{ ...problem, word: 'starting', why, passes: true }];
}

function targetProblem(t: TargetStatus): Problem[] {
  const problem = { ...NOWHERE, what: `target ${t.target}`, target: t.target };
  const found: Problem[] = [];
  if (t.blocked > 0) {
    const keys = t.blocked === 1 ? '1 key waits' : `${t.blocked} keys wait`;
    found.push({ ...problem, word: 'blocked', why: `${keys} in reshard_park` });
  }
  if (t.unknown !== null || !t.reachable) {
    found.push({ ...problem, word: 'unknown', why: t.unknown ?? 'it does not answer' });
  } else if (t.lagRecords === null) {
    found.push({ ...problem, word: 'unknown', why: 'the end of its log is not known' });
  }
  return found;
}

function tableProblems(s: StatusFacts): Problem[] {
  if (s.phase === 'prepare' || s.phase === 'unknown') return [];
  if (s.tables.length === 0) {
    return [{ ...NOWHERE, word: 'unknown', what: 'tables', why: 'the job shows none' }];
  }
  return s.tables
    .filter(t => t.rangesTotal === 0 && !t.complete)
    .map(({ table }) => ({
      ...NOWHERE,
      word: 'missing',
      what: `plan of table ${table}`,
      why: '',
      table,
    }));
}

/** As long as the application is on the targets, nothing brings it back but this. */
function wayBackProblems({ wayBack, cutover }: StatusFacts): Problem[] {
  if (wayBack === null || cutover?.stage === 'finished') return [];
  const { carries, headline } = wayBack;
  const of = (word: ProblemWord, why: string, passes = false): Problem[] => [
    { ...NOWHERE, word, what: '', why, passes },
  ];
  if (wayBack.isTurning) {
    const why = cutover?.why ?? null;
    // Without a reason nothing hinders it yet.
    return of('way-back-waits', why ?? 'rows are not carried the other way yet', why === null);
  }
  const level = headline?.level ?? 'failure';
  if (level === 'good' || level === 'normal') {
    return isLate(wayBack) ? of('way-back-waits', lateText(wayBack), true) : [];
  }
  const text = headline?.text ?? 'nothing is known of it';
  if (carries === 'over') return of('way-back-waits', `no cutover with a way back now: ${text}`);
  const lost = 'what the application writes is not on the sources: going back now would lose it';
  return of(level === 'failure' ? 'way-back' : 'way-back-waits', `${text}\n  ${lost}`);
}

/** Of what is carried back: who has to go back now cannot. */
const LATE = { seconds: 60, records: 100_000 };

function isLate({ carries, lagSeconds, lagRecords }: WayBackStatus): boolean {
  if (carries !== 'back') return false;
  return (lagSeconds ?? 0) >= LATE.seconds || (lagRecords ?? 0) >= LATE.records;
}

function lateText({ lagSeconds, lagRecords }: WayBackStatus): string {
  const log = `its log is ${(lagSeconds ?? 0).toFixed(0)} s behind the targets`;
  const rows = `the sources lack ${lagRecords ?? 0} records of it`;
  return `${log}, ${rows}: a rollback is refused until it has caught up`;
}

/**
 * Until a check has compared the table anew: then that says what is true, unless both logs differ
 * all the same. Of what has come since they say so by the check before as long as one of them
 * cannot be read to the end of the newer one.
 */
function streamProblems({ stream, proofs }: StatusFacts): Problem[] {
  const isDiffering = (table: string): boolean =>
    stream?.tables.some(t => t.table === table && t.state === 'differs') ?? false;
  const open = (stream?.doubts ?? []).filter(
    d => isDiffering(d.table) || proofs.some(p => p.table === d.table && p.check === d.base),
  );
  const tables = Map.groupBy(open, d => d.table);
  return [...tables].map(([table, [first]]) => {
    const why = first === undefined ? '' : doubtText(first);
    const next = 'a check that starts by itself looks for the keys';
    return { ...NOWHERE, word: 'doubt', what: `table ${table}`, why: `${why}; ${next}`, table };
  });
}

/** Both logs agree as of where one of them stands, and say nothing of what comes behind it. */
function blindProblems({ stream, wayBack }: StatusFacts): Problem[] {
  if (stream === null || wayBack?.carries !== 'over') return [];
  return wayBack.unread.map(({ server, why }) => {
    const text =
      `what comes to target ${server} is compared with nothing, whichever table it is of, ` +
      `since its log is not read on: ${why}`;
    return { ...NOWHERE, word: 'doubt', what: 'streaming check', why: text, target: server };
  });
}

/** A write stop is never silent, however short, and a fence that is lost is the worst there is. */
function cutoverProblems({ cutover }: StatusFacts): Problem[] {
  if (cutover === null) return [];
  const { id, stage, why, lost, way, hasWayBack } = cutover;
  const of = (word: ProblemWord, text: string): Problem => {
    return { ...NOWHERE, word, what: id, why: text };
  };
  const problems = lost.map(text => {
    // With a way back our sink has to get through.
    const fence = hasWayBack ? 'read_only' : 'super_read_only';
    const what = `${text}: what is written there now is in no target, or comes over newer rows`;
    const remedy =
      `docs/CUTOVER.md: SET PERSIST ${fence} = ON there (in a cluster that grows, make the ` +
      'triggers again; where accounts are locked, ALTER USER ... ACCOUNT LOCK and KILL; where a ' +
      'hook has frozen it, that again), and find out who wrote what';
    return of('fence-lost', `${what}\n  remedy: ${remedy}`);
  });
  if (stage === 'unopened') {
    const verb = way === 'over' ? 'cutover' : 'rollback';
    const again = `\`reshard ${verb} <job file>\` runs the open command again`;
    problems.push(of('unopened', `the journal is written, nobody is let in: ${why}; ${again}`));
  } else if (stage === 'freezing' || stage === 'opening') {
    const next = stage === 'freezing' ? 'they are undone unless it goes on' : 'it is being opened';
    const who = way === 'over' ? 'sources' : 'targets';
    problems.push(of('frozen', `the ${who} are frozen; ${next}`));
  }
  return problems;
}

/** Until it is over something is under way, or in the way. */
function handoverProblems({ handover }: StatusFacts): Problem[] {
  if (handover?.stage !== 'cutting' && handover?.stage !== 'handing') return [];
  const { id, stage, why } = handover;
  const is =
    stage === 'cutting'
      ? 'the log has ended, or will; it is undone unless it goes on'
      : 'the target is being made a replica of the source; control tries until it is done';
  const text = why === null ? is : `${is}: ${why}`;
  return [{ ...NOWHERE, word: 'handing', what: id, why: text, passes: why === null }];
}

function jobProblems(s: StatusFacts): Problem[] {
  const problems: Problem[] = [];
  const add = (word: ProblemWord, what: string, why: string): void => {
    problems.push({ ...NOWHERE, word, what, why });
  };
  switch (s.phase) {
    case 'prepare':
      add('waiting', '', s.waiting ?? 'control prepares the job');
      break;
    case 'copying':
    case 'following':
    case 'verified':
    case 'switched':
    case 'finished':
      if (s.waiting !== null) add('unknown', 'status', s.waiting);
      break;
    default:
      add('unknown', 'job', s.waiting ?? `phase ${s.phase}`);
  }
  for (const { table, differences: n, truncated, verifyId } of s.differing) {
    const many = differencesText({ differences: n, truncated });
    const found = `${many} difference${n === 1 ? '' : 's'} found by ${verifyId}`;
    const why = `${found}\n  remedy: \`reshard repair <job file>\` has it read again and checked`;
    const what = table === '' ? 'targets' : `table ${table}`;
    problems.push({ ...NOWHERE, word: 'differing', what, why, table });
  }
  for (const { id, error } of s.repairs) if (error !== null) add('halted', id, error);
  if (s.registry !== null) add('registry-away', 'schema registry', s.registry.error);
  if (s.pauses.length > 0) {
    const reasons = s.pauses.map(p => `${p.reason} (by ${p.by || 'unknown'})`);
    add('paused', 'the copy', reasons.join(', '));
  }
  for (const { reason, work, copy, why, lifts } of s.throttle.brakes) {
    // A pause is told above; what slows the copy is no problem, the headline says it.
    if (reason === 'operator' || copy !== 'stopped') continue;
    const text = `stands still by ${reason}: ${why}; lifted by ${lifts}`;
    problems.push({
      ...NOWHERE,
      word: 'throttled',
      what: `the ${work}`,
      why: text,
      service: work === 'copy' ? 'snapshot' : 'checker',
    });
  }
  return problems;
}
