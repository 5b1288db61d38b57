/** The use case verify: asks the running checker for a full check and follows it to its verdict. */
import { type CheckScope, refuseScope } from '../../../shared/job/state/check-scope.ts';
import { isNoted } from '../../../shared/job/state/proof.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { keyColumns } from '../../../shared/row/key-range.ts';
import { namedKey } from '../../../shared/row/key-text.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { JobLink } from './job-handle.ts';
import { operator } from './operator.ts';

const POLL_MS = 250;
/** Control notes a verdict at once; without a control the verdict is told all the same. */
const NOTED_WITHIN_MS = 3000;

export interface CheckStep {
  check: string;
  /** Null until a checker has taken the request. */
  report: Report | null;
}

/** What is to be compared; `tables`: none means all. */
export interface Wanted {
  tables: string[];
  scope: CheckScope | null;
}

/** As the operator writes it: key columns separated by commas. */
export interface ScopeText {
  from?: string;
  to?: string;
  where?: string;
}

/** Throws `config` if there is no such scope, so that nobody waits for a check to say so. */
export function wantedOf({ job, view }: JobLink, tables: string[], o: ScopeText): Wanted {
  if (o.from === undefined && o.to === undefined && o.where === undefined) {
    return { tables, scope: null };
  }
  const named = tables.length > 0 ? tables : job.tables.map(t => t.name);
  const [table] = named;
  if (table === undefined || named.length > 1) {
    throw new ReshardError('config', '--from, --to and --where are of one table', {
      remedy: 'name it: --tables <table>',
    });
  }
  const schema = [...view.plans.values()].find(p => p.table === table)?.schema;
  if (schema === undefined) {
    throw new ReshardError('config', `${table} is not copied yet`, {
      remedy: '`reshard status <job file>` tells how far the job is',
    });
  }
  const key = (option: string, values: string | undefined): Record<string, string> | null => {
    if (values === undefined) return null;
    const found = namedKey(schema, values);
    if (found !== null) return found;
    throw new ReshardError('config', `${option} ${values} is no key of ${table}`, {
      remedy: `values of all of: ${keyColumns(schema)
        .map(c => c.name)
        .join(',')}`,
    });
  };
  const scope = { from: key('--from', o.from), to: key('--to', o.to), where: o.where ?? null };
  refuseScope(schema, scope);
  return { tables: [table], scope };
}

/** The check goes on when nobody follows it. */
export async function* verify(link: JobLink, wanted: Wanted): AsyncGenerator<CheckStep, Report> {
  const id = requestId('verify');
  const { tables, scope } = wanted;
  await link.requests.verify({ id, requestedMs: Date.now(), tables, by: operator(), scope });
  for (;;) {
    const report = checkReport(link, id);
    if (report?.state === 'finished' || report?.state === 'failed') {
      // Of a part there is nothing to note but what differs.
      if (scope === null || report.counters.differences !== 0) await noted(link, id, tables);
      return report;
    }
    yield { check: id, report };
    await sleep(POLL_MS);
  }
}

export function checkReport(link: Pick<JobLink, 'reports'>, id: string): Report | null {
  return link.reports.get(`checker/${id}`) ?? null;
}

/** So that a status that is asked for after the command knows of the verdict. */
async function noted({ job, view }: JobLink, id: string, tables: string[]): Promise<void> {
  const names = tables.length > 0 ? tables : job.tables.map(t => t.name);
  const end = performance.now() + NOTED_WITHIN_MS;
  while (performance.now() < end) {
    if (names.every(name => isNoted(view.proofs.get(name), id))) return;
    await sleep(POLL_MS / 5);
  }
}
