/** An error as JSON, for who has asked for JSON. */
import { asReshardError, remedyOf } from '../../../shared/runtime/error.ts';

/** Who asks for JSON gets JSON, whatever happens; people read the same on standard error. */
export function tellError(e: unknown): void {
  const { kind, message, context } = asReshardError(e);
  const remedy = remedyOf(e);
  process.stdout.write(
    `${JSON.stringify({ error: { kind, message, remedy, context } }, bigText)}\n`,
  );
}

function bigText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
