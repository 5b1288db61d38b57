/**
 * What follows from an error: one total table, the only place that decides. Nothing is retried by
 * default; what is restarted is rebuilt from durable state, so a restart can repeat no effect.
 */
import type { ErrorKind } from './error.ts';

export type Policy =
  /** Throw the unit away, build a new one from durable state after a back-off. */
  | 'restart'
  /** Stop the smallest unit, keep the others, show it, wait for the operator. */
  | 'halt'
  /** End the process with an error: its configuration is wrong. */
  | 'exit';

const POLICY: Record<ErrorKind, Policy> = {
  config: 'exit',
  unreachable: 'restart',
  denied: 'halt',
  'server-setting': 'halt',
  source: 'restart',
  target: 'restart',
  'target-data': 'halt',
  broker: 'restart',
  registry: 'restart',
  fenced: 'restart',
  'lease-lost': 'restart',
  'foreign-job': 'halt',
  'job-changed': 'halt',
  'position-lost': 'halt',
  'history-changed': 'halt',
  'history-lost': 'halt',
  'schema-changed': 'halt',
  'unsupported-type': 'halt',
  'value-not-carried': 'halt',
  'unsafe-event': 'halt',
  'too-large': 'halt',
  collision: 'halt',
  corrupt: 'halt',
  bug: 'halt',
};

export function policyOf(kind: ErrorKind): Policy {
  return POLICY[kind];
}
