import { describe, expect, test } from 'vitest';
import { ReshardError } from '../runtime/error.ts';
import { errnoOf, mapMysqlError, type Side } from './mysql-error.ts';
import { StatementError } from './raw-query.ts';

const kindOf = (errno: number, side: Side, state = 'HY000'): string =>
  mapMysqlError(new StatementError(errno, state, 'x'), { side }).kind;

describe('what the server says', () => {
  test.each([
    ['a deadlock', 1213, 'target'],
    ['a lock wait', 1205, 'target'],
    ['a read-only server', 1290, 'target'],
    ['a full disk', 1021, 'target'],
    ['a duplicate key', 1062, 'target-data'],
    ['a value that does not fit', 1406, 'target-data'],
    ['a wrong password', 1045, 'denied'],
    ['a missing right', 1142, 'denied'],
    ['a shutdown', 1053, 'unreachable'],
    ['a missing table', 1146, 'schema-changed'],
    ['a purged binlog', 1236, 'position-lost'],
    ['a statement above the packet limit', 1153, 'too-large'],
    ['a syntax error', 1064, 'bug'],
  ])('%s (%i) is %s', (_, errno, kind) => {
    expect(kindOf(errno, 'target')).toBe(kind);
  });

  test('passing faults are those of the side; refused data cannot come from a SELECT', () => {
    expect(kindOf(1213, 'source')).toBe('source');
    expect(kindOf(1062, 'source')).toBe('bug');
  });

  test('unknown numbers fall back to their SQLSTATE class, then to bug', () => {
    expect(kindOf(59_999, 'target', '40001')).toBe('target');
    expect(kindOf(59_999, 'target', '22003')).toBe('target-data');
    expect(kindOf(59_999, 'target', '08S01')).toBe('unreachable');
    expect(kindOf(59_999, 'target')).toBe('bug');
  });
});

test.each(['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'PROTOCOL_CONNECTION_LOST'])(
  '%s is unreachable',
  code => {
    const error = Object.assign(new Error('x'), { code, errno: -111 });
    expect(mapMysqlError(error, { side: 'source' }).kind).toBe('unreachable');
  },
);

test('a fault in the code that reads rows is no fault of the connection', () => {
  const error = Object.assign(new RangeError('offset'), { code: 'ERR_OUT_OF_RANGE' });
  expect(mapMysqlError(error, { side: 'source' }).kind).toBe('bug');
});

test('a ReshardError stays what it is; the number is kept', () => {
  const known = new ReshardError('collision', 'x');
  expect(mapMysqlError(known, { side: 'target' })).toBe(known);
  const mapped = mapMysqlError(new StatementError(1062, '23000', 'x'), { side: 'target' });
  expect([errnoOf(mapped), errnoOf(known), errnoOf(new Error('x'))]).toEqual([
    1062,
    undefined,
    undefined,
  ]);
});
