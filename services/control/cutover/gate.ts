/**
 * What must be true before a cutover may begin, gate by gate. Pure functions of what was asked and
 * answered (source-facts.ts, target-facts.ts, the status). `reshard cutover --dry-run` shows the
 * gates, and control asks them anew before it touches a source: what an operator saw a minute ago
 * lets nobody through. What cannot be known is not open.
 */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import type { Standing } from '../../../shared/job/state/proof.ts';
import { STANDBY_UNIT } from '../../../shared/member/reporter.ts';
import { firstLine } from '../../../shared/runtime/error.ts';
import { problemsOf, problemText, SILENT_SECONDS } from '../status/problem.ts';
import type { Status } from '../status/status.ts';

export interface Gate {
  name: string;
  /** The source, target or table that it is about; empty: the job. */
  where: string;
  /** `unknown` keeps it shut, too. */
  state: 'open' | 'shut' | 'unknown';
  /** What was seen, and the limit. */
  why: string;
  /** What opens it; null where there is nothing to do, or `why` says it. */
  fix: string | null;
  /** It is shut, and opens by itself: what it waits for is under way. */
  passes: boolean;
}

export function open(name: string, where: string, why: string): Gate {
  return { name, where, state: 'open', why, fix: null, passes: false };
}

export function shut(name: string, where: string, why: string, fix: string | null = null): Gate {
  return { name, where, state: 'shut', why, fix, passes: false };
}

/** Shut, and nobody has to do anything but wait. */
export function passing(name: string, where: string, why: string, fix: string | null): Gate {
  return { name, where, state: 'shut', why, fix, passes: true };
}

export function unknown(name: string, where: string, why: string, fix: string | null): Gate {
  return { name, where, state: 'unknown', why, fix, passes: false };
}

/** Those that keep the cutover from beginning. */
export function shutGates(gates: readonly Gate[]): Gate[] {
  return gates.filter(g => g.state !== 'open');
}

/** In one text, for whoever asked for the cutover. */
export function shutText(gates: readonly Gate[]): string {
  const texts = gates.map(({ name, where, state, why, fix }) => {
    const about = where === '' ? name : `${name} ${where}`;
    return `${about} (${state}): ${why}${fix === null ? '' : `; fix: ${fix}`}`;
  });
  return `gates are not open:\n  ${texts.join('\n  ')}`;
}

/** Clocks of the machines of a job may differ by less. */
export const CLOCKS_MS = 5000;

/** Gates of the job itself: what `reshard status` and the proofs know of it. */
export function jobGates(
  status: Status,
  standings: readonly Standing[],
  limits: CutoverLimits,
  nowMs = Date.now(),
): Gate[] {
  return [
    ...proofGates(status, standings, limits, nowMs),
    ...status.sources.map(s => sourceLag(s, limits)),
    ...status.targets.flatMap(t => [targetLag(t, limits), waitingRows(t)]),
    workGate(status),
    ...problemGates(status),
  ];
}

/** Of a way back: nothing proves its rows but that it carries them, and that nothing is wrong. */
export function wayGates(status: Status, limits: CutoverLimits): Gate[] {
  return [
    ...status.sources.map(s => sourceLag(s, limits)),
    ...status.targets.flatMap(t => [targetLag(t, limits), waitingRows(t)]),
    workGate(status),
    ...problemGates(status),
  ];
}

/** Of what will carry rows the other way: its log follows, and nothing of it is wrong. */
export function turnGates(status: Status, limits: CutoverLimits): Gate[] {
  return [
    ...status.sources.map(s => sourceLag(s, limits)),
    sinkGate(status),
    ...problemGates(status),
  ];
}

/**
 * Sinks that stand by: they will carry rows from the journal on. Each tries all the time whether it
 * could write; one that is refused is a problem of its own.
 */
function sinkGate({ members, services }: Status): Gate {
  const sinks = members.filter(m => m.service === 'sink' && m.state !== 'stopped');
  const live = sinks.filter(m => m.ageSeconds < SILENT_SECONDS);
  const able = services.filter(
    u => u.service === 'sink' && u.unit === STANDBY_UNIT && u.state === 'running',
  );
  const fix = 'start the sinks again, with this job file';
  if (live.length === 0) return shut('sinks', '', 'no sink has joined it', fix);
  const untried = live.filter(m => !able.some(u => u.member === m.member));
  if (untried.length === 0) {
    return open('sinks', '', `${live.length} stand by, and may write where rows would be carried`);
  }
  const who = untried.map(m => m.member).join(', ');
  return shut('sinks', '', `${who} has not shown that it could write where rows would go`, fix);
}

/** Phases of a job all of which is copied, and whose application is on the sources. */
const PROVABLE = ['following', 'verified'];

/** A check that is under way may open them. */
function proofGates(
  status: Status,
  standings: readonly Standing[],
  limits: CutoverLimits,
  nowMs: number,
): Gate[] {
  const gates = [phaseGate(status), ...standings.map(s => proofGate(s, limits, nowMs))];
  const isProving = status.checks.length > 0 && PROVABLE.includes(status.phase);
  return gates.map(g => (g.state === 'shut' && isProving ? { ...g, passes: true } : g));
}

function phaseGate({ phase }: Status): Gate {
  if (phase === 'verified') return open('phase', '', 'verified');
  const verify = '`reshard verify <job file>`; `reshard status <job file>` tells what is left';
  const fix = phase === 'switched' || phase === 'finished' ? null : verify;
  return shut('phase', '', `the job is ${phase}, not verified`, fix);
}

/** The age counts from the check's beginning: its first rows are as old as that. */
function proofGate({ table, isProven, why, proof }: Standing, o: CutoverLimits, now: number): Gate {
  const fix = `\`reshard verify <job file> --tables ${table}\``;
  if (!isProven || proof === null) return shut('proof', table, why, fix);
  const ageMs = now - proof.startedMs;
  const limit = `limit ${o.maxProofAgeMinutes} min`;
  if (ageMs < -CLOCKS_MS) {
    const ahead = `${proof.check} began ${Math.round(-ageMs / 1000)} s in the future`;
    return unknown('proof', table, ahead, 'set the clocks of the machines by one source');
  }
  const age = `proven equal by ${proof.check}, which began ${minutes(ageMs)} ago (${limit})`;
  if (ageMs > o.maxProofAgeMinutes * 60_000) return shut('proof', table, age, fix);
  return open('proof', table, age);
}

function sourceLag(s: Status['sources'][number], { maxLagSeconds }: CutoverLimits): Gate {
  const { source, lagSeconds, unknown: why } = s;
  if (why !== null || lagSeconds === null) {
    return unknown('log lag', source, why ?? 'nothing of it is in the log yet', null);
  }
  const seen = `the log is ${lagSeconds.toFixed(1)} s behind (limit ${maxLagSeconds} s)`;
  return lagSeconds > maxLagSeconds
    ? passing('log lag', source, seen, 'wait until it has caught up')
    : open('log lag', source, seen);
}

function targetLag(t: Status['targets'][number], { maxLagRecords }: CutoverLimits): Gate {
  const { target, lagRecords } = t;
  if (lagRecords === null) return unknown('lag', target, t.unknown ?? 'it is not known', null);
  const seen = `${lagRecords} records behind the log (limit ${maxLagRecords})`;
  return lagRecords > maxLagRecords
    ? passing('lag', target, seen, 'wait until it has caught up')
    : open('lag', target, seen);
}

function waitingRows({ target, reachable, parked, blocked }: Status['targets'][number]): Gate {
  if (!reachable) return unknown('waiting rows', target, 'the target does not answer', null);
  if (parked + blocked === 0) return open('waiting rows', target, 'none parked, none blocked');
  const fix = '`reshard status <job file>` says why; rows that are parked go by themselves';
  const seen = `${parked} parked, ${blocked} blocked`;
  return (blocked === 0 ? passing : shut)('waiting rows', target, seen, fix);
}

function workGate({ repairs, checks }: Status): Gate {
  const running = [...repairs.map(r => `${r.id} (${r.stage})`), ...checks.map(c => c.check)];
  if (running.length === 0) {
    return open('other work', '', 'no repair, recopy, schema change or check is under way');
  }
  const ends = repairs.every(r => r.error === null);
  const why = `under way: ${running.join(', ')}`;
  return (ends ? passing : shut)('other work', '', why, 'wait for its end');
}

/** Whatever `reshard status` shows as wrong: members, halts, statements, brakes, pauses. */
function problemGates(status: Status): Gate[] {
  const problems = problemsOf(status);
  if (problems.length === 0) {
    return [open('well', '', 'every member is at work, nothing is halted, paused or braked')];
  }
  return problems.map(problem => {
    const why = firstLine(problemText(problem));
    return (problem.passes ? passing : shut)('well', '', why, null);
  });
}

function minutes(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}
