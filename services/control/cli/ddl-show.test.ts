/** What `reshard ddl show` says of a dropped column before a word is said: what is done then. */
import { expect, test } from 'vitest';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { JobLink } from '../command/job-handle.ts';
import type { GrowthLook } from '../phase/growth.ts';
import { renderDdl } from './ddl-show.ts';

const columns = [{ name: 'id' }, { name: 'a' }];

function shown(o: { back?: object; keep?: boolean }): string {
  const plan = { source: 's1', db: 'd', table: 't', schema: { columns } } as unknown as TablePlan;
  const dropped = [{ column: 'a', keep: o.keep === true }];
  const other = { ...plan, source: 's2', schema: { columns: [] }, dropped } as unknown as TablePlan;
  const job: unknown = { job: 'shop', cutover: { back: o.back } };
  const view: unknown = { plans: new Map([plan, other].map(p => [p.source, p])) };
  const look: unknown = {
    ...{ plan, added: [], widened: [], removed: ['a'] },
    ...{ against: [], unfit: [], targets: [], later: [] },
  };
  const found = [{ link: { job, view } as JobLink, look: look as GrowthLook }];
  return renderDdl({ found, left: [] }, 'job.yaml');
}

test('each word says what becomes of the column, or that it is refused', () => {
  const plain = shown({});
  expect(plain).toMatch(/--drop: is lost, at once; until then/);
  expect(plain).toMatch(/--keep: stays, when the targets have applied/);
  expect(plain).toMatch(/so has a row that moves, is repaired, or is written anew/);
  expect(shown({ back: {} })).toMatch(/--keep: is refused: .*cutover.back/);
  expect(shown({ keep: true })).toMatch(/--drop: stays, as was said of it at another source/);
});
