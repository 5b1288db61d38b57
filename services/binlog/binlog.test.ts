/** The remedy of a log that stands names verbs that work for it. */
import { expect, test } from 'vitest';
import { ReshardError } from '../../shared/runtime/error.ts';
import { withRemedy } from './binlog.ts';

const remedy = (error: ReshardError, mayCopy: boolean): string =>
  withRemedy(error, 't1', mayCopy).remedy ?? '';

test('where nothing is copied no recopy is advised, and a statement can be passed over', () => {
  const statement = new ReshardError('schema-changed', 'DROP COLUMN', {
    context: { halt: 'ddl' },
    remedy: 'undo it, then `reshard recopy <job file> --source t1`',
  });
  expect(remedy(statement, true)).toMatch(/recopy/);
  expect(remedy(statement, false)).not.toMatch(/recopy/);
  expect(remedy(statement, false)).toMatch(/reshard ddl skip <job file> --source t1/);
});

test('a binlog that is gone ends the way back, and what needs no copy keeps its remedy', () => {
  const lost = new ReshardError('position-lost', 'purged');
  expect(remedy(lost, true)).toMatch(/recopy <job file> --source t1/);
  expect(remedy(lost, false)).toMatch(/^nothing begins it anew; there is no way back/);
  const denied = new ReshardError('denied', 'no');
  expect(remedy(denied, false)).toBe(remedy(denied, true));
});
