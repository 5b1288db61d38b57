/**
 * The kinds of a document's values as a list: by their ordinals (eachScalar), as the server makes it
 * of the document (json-asking.ts) and prints it: `{"2": "DECIMAL", "10": "DATE"}`.
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import { JsonNotCarried } from './json-binary.ts';
import { eachScalar, type JsonKind, JsonMalformed, kindNamed, writeMark } from './json-kind.ts';
import { bytesColumn, readBase64 } from './json-opaque.ts';

const SIGNED_DIGITS = 18;
const SIGNED_MAX = 2n ** 63n - 1n;

/** The server's text with a mark behind each value that the list names. */
export function writeWithKinds(
  src: Buffer,
  start: number,
  end: number,
  list: Buffer,
  out: ByteWriter,
): void {
  const kinds = kindsOf(list);
  let from = start;
  eachScalar(src, start, end, (valueStart, stop, _, ordinal) => {
    const kind = kinds.get(ordinal);
    if (kind === undefined) return;
    kinds.delete(ordinal);
    const text = src.subarray(valueStart, stop);
    if (!isOfForm(kind, text)) throw new JsonMalformed(`a ${kind} of another form`);
    // A parse makes the same of such a number.
    if (kind === 'UNSIGNED INTEGER' && isBeyondSigned(text)) return;
    out.copy(src, from, stop);
    writeMark(kind, out);
    from = stop;
  });
  out.copy(src, from, end);
  if (kinds.size > 0) throw new JsonMalformed('kinds of values that it does not have');
}

/** The list of a text in the log, behind a comma and a `#`, if it is not empty. */
export function writeKinds(src: Buffer, start: number, end: number, out: ByteWriter): void {
  let isFirst = true;
  eachScalar(src, start, end, (valueStart, stop, marked, ordinal) => {
    const isUnsigned = marked === null && isBeyondSigned(src.subarray(valueStart, stop));
    const kind = isUnsigned ? 'UNSIGNED INTEGER' : marked;
    if (kind === null) return;
    out.ascii(isFirst ? ',#{' : ', ');
    out.ascii(`"${ordinal}": "${kind}"`);
    isFirst = false;
  });
  if (!isFirst) out.ascii('}');
}

function kindsOf(list: Buffer): Map<number, JsonKind> {
  const read: unknown = JSON.parse(list.toString('utf8'));
  if (typeof read !== 'object' || read === null) throw new JsonMalformed('no list of kinds');
  return new Map(
    Object.entries(read).map(([ordinal, name]): [number, JsonKind] => {
      const kind = kindNamed(name);
      if (kind === undefined) throw new JsonNotCarried(`a value of kind ${String(name)}`);
      return [Number(ordinal), kind];
    }),
  );
}

const FORMS: Record<JsonKind, RegExp> = {
  DECIMAL: /^-?\d+(\.\d+)?$/,
  'UNSIGNED INTEGER': /^\d+$/,
  DATE: /^"\d{4}-\d\d-\d\d"$/,
  TIME: /^"-?\d{2,3}:\d\d:\d\d\.\d{6}"$/,
  DATETIME: /^"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"$/,
  TIMESTAMP: /^"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"$/,
  BLOB: /^"base64:type/,
  BIT: /^"base64:type16:/,
  OPAQUE: /^"base64:type/,
};

/** The longest of them is a DECIMAL; bytes are looked at by their beginning. */
const FORM_BYTES = 96;

/** Throws if no statement could write the value; another form is one at another place. */
function isOfForm(kind: JsonKind, text: Buffer): boolean {
  if (!FORMS[kind].test(text.toString('latin1', 0, FORM_BYTES))) return false;
  if (kind !== 'BLOB' && kind !== 'BIT' && kind !== 'OPAQUE') return true;
  const read = readBase64(text, 0, text.length);
  if (read === null) return false;
  if (bytesColumn(read.fieldType) !== null) return true;
  throw new JsonNotCarried(`an opaque value of type ${read.fieldType}`);
}

/** Whether it is a whole number that no signed one of 64 bits can be. */
function isBeyondSigned(text: Buffer): boolean {
  if (text.length <= SIGNED_DIGITS || text.length > SIGNED_DIGITS + 2) return false;
  const digits = text.toString('latin1');
  return /^\d+$/.test(digits) && BigInt(digits) > SIGNED_MAX;
}
