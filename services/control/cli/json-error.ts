/** An error as JSON, for who has asked for JSON. */
import { asReshardError, remedyOf } from '../../../shared/runtime/error.ts';
import { printJson } from './output.ts';

/** Who asks for JSON gets JSON, whatever happens; people read the same on standard error. */
export function tellError(e: unknown): void {
  const { kind, message, context } = asReshardError(e);
  printJson({ error: { kind, message, remedy: remedyOf(e), context } });
}
