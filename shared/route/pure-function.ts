/**
 * A function that people wrote in a job file, as one that answers the same for the same row, always
 * and everywhere. Its text is the body alone, so nothing is kept from one call to the next, and it
 * sees the language and nothing else: no clock, no chance, no locale, no file, no module. This
 * keeps honest functions pure; it is no sandbox against whoever writes the job file.
 */
import { stripTypeScriptTypes } from 'node:module';
import vm from 'node:vm';
import { ReshardError } from '../runtime/error.ts';

export type RowTexts = Readonly<Record<string, string>>;
export type PureFunction = (row: RowTexts) => unknown;

/** What is no part of this is taken away: a version of Node may bring what nobody here has seen. */
const LANGUAGE = [
  ...['Object', 'Array', 'String', 'Number', 'Boolean', 'BigInt', 'Symbol', 'Math', 'JSON'],
  ...['Map', 'Set', 'RegExp', 'Error', 'RangeError', 'TypeError', 'SyntaxError', 'NaN'],
  ...['ArrayBuffer', 'DataView', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'BigUint64Array'],
  ...['Int8Array', 'Int16Array', 'Int32Array', 'BigInt64Array', 'Infinity', 'undefined'],
  ...['parseInt', 'parseFloat', 'isNaN', 'isFinite', 'globalThis'],
];

/**
 * Also what goes by the locale of the machine, by who calls, or by the call before (the last match
 * of an expression, and whatever could be written to).
 */
const PRELUDE = `'use strict';
for (const name of Object.getOwnPropertyNames(globalThis)) {
  if (!${JSON.stringify(LANGUAGE)}.includes(name)) delete globalThis[name];
}
delete Math.random;
Error.stackTraceLimit = 0;
for (const name of Object.getOwnPropertyNames(RegExp)) {
  if (!['prototype', 'length', 'name', 'escape'].includes(name)) delete RegExp[name];
}
delete String.prototype.localeCompare;
for (const { prototype } of [Object, Array, String, Number, BigInt, Uint8Array]) {
  for (const name of ['toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase']) delete prototype[name];
}
const frozen = new Set();
const freeze = value => {
  if (value === null || !/^(object|function)$/.test(typeof value) || frozen.has(value)) return;
  frozen.add(value);
  for (const { value: inner, get } of Object.values(Object.getOwnPropertyDescriptors(value))) {
    freeze(inner);
    freeze(get);
  }
  freeze(Object.getPrototypeOf(value));
  if (value !== globalThis) Object.freeze(value);
};
freeze(globalThis);
for (const value of [function* () {}, async () => {}, new Uint8Array(0).entries()]) freeze(value);
Object.freeze(globalThis);`;

const HEAD = 'function target(row: Record<string, string>) {';

/**
 * By its body, of which a job file has a few: a context of the language is dear, and routes are
 * made for each table and reader.
 */
const known = new Map<string, PureFunction>();

/** Of a body with `row` in it; throws `config` if it is none. */
export function pureFunction(body: string): PureFunction {
  const made = known.get(body) ?? compiled(body);
  known.set(body, made);
  return made;
}

function compiled(body: string): PureFunction {
  try {
    const context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
      codeGeneration: { strings: false, wasm: false },
    });
    vm.runInContext(PRELUDE, context);
    const params = { parsingContext: context };
    const target = vm.compileFunction(`'use strict';${withoutTypes(body)}`, ['row'], params);
    // Not with what the outside has in a row of its own: it leads to all that is there.
    return row => target(Object.assign(Object.create(null), row));
  } catch (cause) {
    throw new ReshardError('config', 'the function of a route cannot be read', {
      cause,
      remedy: 'write the body of a function of `row` that returns the name of a target',
    });
  }
}

function withoutTypes(body: string): string {
  const { emitWarning } = process;
  // That Node may change how it takes types away is nothing to tell the user of.
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(`${HEAD}${body}\n}`).slice(HEAD.length, -2);
  } finally {
    process.emitWarning = emitWarning;
  }
}
