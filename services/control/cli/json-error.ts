/** An error as JSON, for who has asked for JSON. */
import { asReshardError, type ErrorKind, remedyOf } from '../../../shared/runtime/error.ts';
import { filledIn, printJson } from './output.ts';

export interface ToldError {
  kind: ErrorKind;
  message: string;
  remedy: string;
  context: object;
}

/** As plain values: it may go to another process. */
export function toldError(e: unknown): ToldError {
  const { kind, message, context } = asReshardError(e);
  return filledIn({ kind, message, remedy: remedyOf(e), context });
}

/** Who asks for JSON gets JSON, whatever happens; people read the same on standard error. */
export function tellError(e: unknown): void {
  printJson({ error: toldError(e) });
}
