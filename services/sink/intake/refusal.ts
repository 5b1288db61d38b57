/** Why something cannot be applied, as it is kept and shown: no word of it is a value of a row. */
import type { ErrorKind } from '../../../shared/runtime/error.ts';

export interface Refusal {
  kind: ErrorKind;
  /** The destination's own number for it, if it has one. */
  errno: number | null;
  text: string;
}
