/** The remedy of a log that stands names verbs that work for it. */
import { expect, test } from 'vitest';
import { ReshardError } from '../../shared/runtime/error.ts';
import { haltedBehind, withRemedy } from './binlog.ts';

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

test('a statement in the log of a target is told as one of that server', () => {
  const statement = new ReshardError('schema-changed', 'ALTER of t at the source drops n');
  expect(withRemedy(statement, 't1', false).message).toBe('ALTER of t at t1 drops n');
  expect(withRemedy(statement, 's1', true).message).toBe('ALTER of t at the source drops n');
});

test('a binlog that is gone ends the way back, and what needs no copy keeps its remedy', () => {
  const lost = new ReshardError('position-lost', 'purged');
  expect(remedy(lost, true)).toMatch(/recopy <job file> --source t1/);
  expect(remedy(lost, false)).toMatch(/^nothing begins it anew; there is no way back/);
  const denied = new ReshardError('denied', 'no');
  expect(remedy(denied, false)).toBe(remedy(denied, true));
});

test('a log that has not taken what came before is read once more: it does not stand there yet', async () => {
  const statement = new ReshardError('schema-changed', 'DROP COLUMN');
  const behind = (error: ReshardError, isThere: boolean): Promise<ReshardError> =>
    haltedBehind(error, { drain: async () => isThere });
  expect(await behind(statement, true)).toBe(statement);
  expect(await behind(statement, false)).toMatchObject({ kind: 'broker', cause: statement });
  const passing = new ReshardError('source', 'away');
  expect(await behind(passing, false)).toBe(passing);
});
