/** Where rows were lost, for people. */
import type { Arrow } from '../repair/row-trace.ts';
import type { TracedKey } from '../repair/trace.ts';
import { count } from './number-text.ts';
import { keyText } from './verify-text.ts';

/** The worst first. */
const ARROWS: Record<Arrow, { title: string; next: string }> = {
  capture: {
    title: 'lost between the source and the log',
    next:
      'was it changed without the binlog (sql_log_bin = 0, a filter, a server that was put back)? ' +
      '`reshard repair <job file>` reads it again at the source',
  },
  sink: {
    title: 'lost between the log and a target',
    next:
      'somebody else has written there, or the sink has not: `reshard status <job file>` shows ' +
      'foreign writes where options.streamingCheck is on; `reshard repair <job file>` cures it',
  },
  waiting: {
    title: 'held back on a target',
    next: '`reshard status <job file>` says why keys wait or are blocked',
  },
  unknown: { title: 'not known', next: 'what was read does not say: --records reads more' },
  behind: { title: 'on its way', next: '`reshard status <job file>` shows what it waits for' },
  changing: { title: 'changing', next: 'ask again, or when less is written' },
  none: { title: 'equal by now', next: '' },
};

export function traceText(traced: readonly TracedKey[], left: number, records: number): string {
  const lines: string[] = [];
  for (const [arrow, { title, next }] of Object.entries(ARROWS)) {
    const some = traced.filter(k => k.arrow === arrow);
    if (some.length === 0) continue;
    lines.push(`${title}: ${count(some.length)} keys${next === '' ? '' : `; ${next}`}`);
    for (const k of some) {
      lines.push(`  ${k.table} ${keyText(k.key)}: ${k.why}${recordText(k, records)}`);
    }
  }
  if (traced.length === 0) lines.push('no key differs');
  if (left > 0) lines.push(`and ${count(left)} more keys, which were not traced`);
  return lines.join('\n');
}

function recordText({ record, why, arrow }: TracedKey, records: number): string {
  if (record !== null) {
    const { topic, partition, offset, timeMs, gtid } = record;
    const of = gtid === '' ? '' : `, ${gtid}`;
    return ` (record ${topic}[${partition}]@${offset} of ${new Date(timeMs).toISOString()}${of})`;
  }
  const isBounded = arrow === 'unknown' && why.includes('what was read');
  return isBounded ? ` (the last ${count(records)} records of its partition)` : '';
}
