import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFrom } from './server-version.ts';

test.each([
  ['mysql', '8.0.22', true],
  ['mysql', '8.0.21', false],
  ['mysql', '8.1.0', true],
  ['mysql', '9.7.4-commercial', true],
  ['mysql', '5.7.44-log', false],
  ['mariadb', '10.6.0-MariaDB-1:10.6.0+maria~focal', true],
  ['mariadb', '10.5.29-MariaDB', false],
  ['mariadb', '11.4.2-MariaDB-log', true],
  ['mysql', 'no version', false],
] as const)(
  '%s %s has what came with MySQL 8.0.22 and MariaDB 10.6.0: %s',
  (flavor, version, has) => {
    expect(isFrom({ flavor, version }, { mysql: '8.0.22', mariadb: '10.6.0' })).toBe(has);
  },
);

test('a flavor that is left out never has it', () => {
  expect(isFrom({ flavor: 'mariadb', version: '99.0.0-MariaDB' }, { mysql: '8.0.0' })).toBe(false);
});

test('is the order of versions as numbers', () => {
  const part = fc.nat(40);
  const version = fc.tuple(part, part, part);
  fc.assert(
    fc.property(version, version, (a, b) => {
      const weight = ([x, y, z]: readonly number[]): number =>
        (x ?? 0) * 10_000 + (y ?? 0) * 100 + (z ?? 0);
      const since = `${b[0]}.${b[1]}.${b[2]}` as const;
      const has = isFrom({ flavor: 'mysql', version: a.join('.') }, { mysql: since });
      expect(has).toBe(weight(a) >= weight(b));
    }),
  );
});
