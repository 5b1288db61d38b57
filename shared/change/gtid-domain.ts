/**
 * What MariaDB's binlog state says of its domains. It keeps the last number of each server of a
 * domain; a replica, and we, keep one number of the domain, which stands for all before it. Where
 * several servers write to one domain and gtid_strict_mode is off, numbers go back and that one
 * number stands for nothing: MariaDB's own replicas then skip or fail too.
 */
import { type Gtid, parseGtid, printGtid } from './gtid.ts';

export type DomainFault =
  /** Numbers may go back at any time. */
  | { kind: 'servers'; domain: string; servers: number }
  /** They have: the newest of the domain is not its highest. */
  | { kind: 'went-back'; domain: string; last: string; highest: string };

/** `state` is gtid_binlog_state, `position` gtid_binlog_pos: the newest of each domain. */
export function domainFaults(state: string, position: string, isStrict: boolean): DomainFault[] {
  const faults: DomainFault[] = [];
  const newest = new Map(parse(position).map(g => [g.source, g]));
  const domains = Map.groupBy(parse(state), g => g.source);
  for (const [domain, streams] of domains) {
    const highest = streams.reduce((a, b) => (b.number > a.number ? b : a));
    const last = newest.get(domain);
    if (last !== undefined && last.number < highest.number) {
      const [a, b] = [printGtid(last, 'mariadb'), printGtid(highest, 'mariadb')];
      faults.push({ kind: 'went-back', domain, last: a, highest: b });
    }
    if (!isStrict && streams.length > 1) {
      faults.push({ kind: 'servers', domain, servers: streams.length });
    }
  }
  return faults;
}

function parse(text: string): Gtid[] {
  const items = text.replace(/\s/g, '').split(',').filter(Boolean);
  return items.map(parseGtid);
}
