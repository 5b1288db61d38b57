import { expect, test } from 'vitest';
import { parseJob } from '../job/job-schema.ts';
import { pureFunction } from './pure-function.ts';

const ROW = { id: '7', name: 'İstanbul' };

test('a body in TypeScript, with all that the language has', () => {
  const body = `const numbers: Map<string, number> = new Map([['7', 1]]);
    const [first] = /st(an)/.exec(row.name) ?? [];
    return \`\${numbers.get(row.id)} \${first} \${row.name.toLowerCase().length} \${BigInt(row.id) * 2n}\` as string;`;
  expect(pureFunction(body)(ROW)).toBe('1 stan 9 14');
});

test.each([
  ['the clock', 'return Date.now();'],
  ['another clock', 'return performance.now();'],
  ['chance', 'return Math.random();'],
  ['the locale', "return 'a'.localeCompare('b');"],
  ['the locale of numbers', 'return (1e6).toLocaleString();'],
  ['formats of the machine', 'return new Intl.NumberFormat().format(1);'],
  ['the environment', 'return process.env.HOME;'],
  ['another module', "return require('node:fs');"],
  ['code from texts', "return eval('1');"],
  ['code from texts, otherwise', "return (() => 1).constructor('return 1')();"],
  ['what is outside, through the row', "return row.constructor.constructor('return 1')();"],
  ['a global of its own', 'globalThis.seen = 1; return 1;'],
  ['a variable that is not declared', 'seen = 1; return 1;'],
  ['something kept in what the language has', 'Array.prototype.seen = 1; return 1;'],
  ['something kept in an iterator', '[].values().__proto__.seen = 1; return 1;'],
  ['something kept in a generator', '(function* () {}).prototype.__proto__.seen = 1; return 1;'],
])('a function sees nothing of %s', (_, body) => {
  const pure = pureFunction(body);
  expect(() => pure(ROW)).toThrow();
});

test('nothing is kept from one call to the next', () => {
  const match = pureFunction('const was = RegExp.$1; /(.)/.test(row.id); return `${was}`;');
  expect([match(ROW), match(ROW)]).toEqual(['undefined', 'undefined']);
  const count = pureFunction('let n = 0; const one = /x/g; n += one.lastIndex + 1; return n;');
  expect([count(ROW), count(ROW)]).toEqual([1, 1]);
  const stack = pureFunction('return new Error().stack;');
  expect(stack(ROW)).toBe((() => stack(ROW))());
});

test.each(['return (', '} function other() {', 'enum A { B } return 1;', "import 'x';"])(
  'what is no body of a function is refused with the job file: %s',
  code => {
    expect(() => pureFunction(code)).toThrow(/cannot be read/);
    const file = {
      job: 'shop',
      kafka: { brokers: ['127.0.0.1:1'] },
      registry: { url: 'http://127.0.0.1:1' },
      sources: [{ name: 's', host: 'h', user: 'u', database: 'd' }],
      targets: [{ name: 't', host: 'h', user: 'u', database: 'd' }],
      tables: [{ name: 'orders' }],
      route: { kind: 'function', columns: 'id', code },
    };
    expect(() => parseJob(JSON.stringify(file), {})).toThrow(/route\.code.*cannot be read/s);
  },
);
