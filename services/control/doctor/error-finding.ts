/** A server that cannot be examined is a finding too, with the way back in. */
import type { Finding } from '../../../shared/mysql/finding.ts';
import {
  asReshardError,
  describeError,
  type ErrorKind,
  firstLine,
  remedyOf,
} from '../../../shared/runtime/error.ts';

export function serverWhere(
  role: 'source' | 'target',
  server: { name: string; host: string; port: number },
): string {
  return `${role} ${server.name} (${server.host}:${server.port})`;
}

const CODE = 'check-';

/** Errors that may pass by themselves: what they are about is away, not wrong. */
const PASSING: readonly ErrorKind[] = ['unreachable', 'source', 'target', 'broker', 'registry'];

/** Whether the finding says no more than that a server does not answer now. */
export function isPassing({ code }: Finding): boolean {
  return PASSING.some(kind => code === `${CODE}${kind}`);
}

export function errorFinding(e: unknown, where: string): Finding {
  const error = asReshardError(e);
  const detail = firstLine(describeError(error));
  return {
    level: 'blocker',
    code: `${CODE}${error.kind}`,
    where,
    what: detail,
    why: 'It could not be examined, and the job could not use it.',
    fix: remedyOf(error),
  };
}
