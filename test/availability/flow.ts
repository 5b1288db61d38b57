/** Which member of a service works, of several, and how to see that its work flows. */
import type { ServiceName } from '../../shared/member/context.ts';
import type { MysqlEndpoint } from '../support/servers/servers.ts';
import { Applied } from './applied.ts';
import type { Member, Rig } from './rig.ts';

const MINUTES = 60_000;

export type Leased = 'binlog' | 'control' | 'checker';
export type Slotted = 'snapshot' | 'sink';

/** The unit that one member has at a time. */
function unitOf(rig: Rig, service: Leased): string {
  return { binlog: rig.sourceName, control: 'job', checker: 'full-check' }[service];
}

/** The member whose word the latest report of the unit is. */
export async function ownerNow(rig: Rig, service: Leased): Promise<Member | undefined> {
  const latest = (await rig.link()).reports.get(`${service}/${unitOf(rig, service)}`);
  return rig.running(service).find(m => latest?.member.endsWith(`:${m.process.pid}`));
}

/** The one that works now; of those that share the work, one that has some. */
export async function active(rig: Rig, service: Leased | Slotted): Promise<Member> {
  const both = rig.running(service);
  if (service === 'snapshot' || service === 'sink') {
    const shared = (): boolean => both.every(m => slotsOf(rig, m).length > 0);
    await rig.until(`both ${service} to have work`, shared, MINUTES);
    return both[0] ?? missing(service);
  }
  const owner = (): Promise<Member | undefined> => ownerNow(rig, service);
  return (await rig.until(`the owner of ${service}`, owner, MINUTES)) ?? missing(service);
}

export function missing(service: ServiceName): never {
  throw new Error(`no ${service}`);
}

/** Slots that a member of the snapshot or sink holds, by its log. */
export function slotsOf(rig: Rig, member: Member): number[] {
  const lines = rig.textOf(member).match(/.*"slots taken over".*/g) ?? [];
  const last: { slots?: number[] } = JSON.parse(lines.at(-1) ?? '{}');
  return last.slots ?? [];
}

/** By service, what says from now on that its work has gone on without the active member. */
export const FLOWING: Record<
  ServiceName,
  (rig: Rig, targets: readonly MysqlEndpoint[]) => Promise<() => Promise<boolean>>
> = {
  async binlog(rig) {
    const view = (await rig.link()).progress.get(rig.sourceName);
    const { epoch = 0, ordinal = 0 } = view?.resume ?? {};
    return async () =>
      (view?.resume?.epoch ?? 0) > epoch && Number(view?.resume?.ordinal ?? 0) > Number(ordinal);
  },
  async sink(rig, targets) {
    const applied = await Applied.open(targets, rig.database);
    const before = await applied.now();
    return async () => {
      const now = await applied.now();
      return [...before].every(([part, offset]) => (now.get(part) ?? 0) > offset);
    };
  },
  async snapshot(rig) {
    const other = rig.running('snapshot').at(-1);
    if (!other) throw new Error('no second member');
    const rows = await rig.copiedRows();
    return async () => slotsOf(rig, other).length === 16 && (await rig.copiedRows()) > rows;
  },
  async control(rig) {
    const { reports } = await rig.link();
    const before = reports.get('control/job')?.member;
    return async () => reports.get('control/job')?.member !== before;
  },
  async checker(rig) {
    const { reports, requests } = await rig.link();
    const id = `verify-${Date.now()}`;
    const before = reports.get(`checker/${unitOf(rig, 'checker')}`)?.member;
    await requests.verify({ id, requestedMs: Date.now(), tables: [] });
    return async () => {
      const found = reports.get(`checker/${id}`);
      return found !== undefined && found.member !== before;
    };
  },
};
