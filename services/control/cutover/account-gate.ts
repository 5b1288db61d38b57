/**
 * Gates of a server that is fenced by its accounts: that each of them can be locked and has
 * sessions of its own, that the application's is one of them, and that nothing writes without one.
 */
import type { AccountFacts } from './account-facts.ts';
import { type Gate, open, shut, unknown } from './gate.ts';

const NAME = 'accounts';
const SHOWN = 10;

/** `account`: ours, as SQL. */
export function accountGates(
  where: string,
  account: string,
  { plan, fenced, probed, events }: AccountFacts,
): Gate[] {
  if (plan === null) {
    const fix = `GRANT SELECT ON mysql.* TO ${account};`;
    return [unknown(NAME, where, 'accounts and their grants are not shown', fix)];
  }
  const { locked, spared, problems } = plan;
  const shutBy = problems.map(text => shut(NAME, where, text, `cutover.fence: docs/CUTOVER.md`));
  const others = spared.length === 0 ? '' : `; not locked, and may write: ${listed(spared)}`;
  const what = `locks ${listed(locked) || 'none, all are locked'}${others}`;
  return [
    ...(shutBy.length === 0 ? [open(NAME, where, what)] : shutBy),
    ...probedGates(where, fenced, probed),
    eventGate(where, account, events),
  ];
}

function listed(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}

function probedGates(where: string, fenced: readonly string[], probed: string | null): Gate[] {
  if (probed === null || fenced.includes(probed)) return [];
  const why = `the account of the probe (${probed}) would not be locked`;
  return [shut(NAME, where, why, 'name it in `lock`, or probe by an account that is locked')];
}

/** An event runs as its definer without a session: no lock stops it. */
function eventGate(where: string, account: string, events: AccountFacts['events']): Gate {
  const name = 'fenced events';
  if (events === null) {
    const why = 'the event scheduler is on, and its events are not shown';
    return unknown(name, where, why, `GRANT EVENT ON *.* TO ${account};`);
  }
  if (events.length === 0) return open(name, where, 'none runs by itself');
  const fix = 'ALTER EVENT <name> DISABLE; -- and enable it in the open command, on the other side';
  return shut(name, where, `they write without a session: ${events.join(', ')}`, fix);
}
