/** What a foreign sink has made of a column, as the row of docs/TOPICS.md that says so. */
import { type SinkCase, shownOf } from './sink-cases.ts';
import type { Place, SinkJob } from './sink-job.ts';

const EXAMPLES = 4;

export async function answerOf(job: SinkJob, c: SinkCase): Promise<string> {
  return `| ${c.what} | ${await seen(job, c)} |`;
}

/** Rows of the page that begin as an answer does. */
export function toldOf(page: string, c: SinkCase): string | undefined {
  const rows = page.split('\n').map(row => row.replace(/ +\|/g, ' |'));
  return rows.find(row => row.startsWith(`| ${c.what} |`));
}

async function seen(job: SinkJob, c: SinkCase): Promise<string> {
  const trace = await job.worker.failure(c.table);
  if (trace !== undefined) return `refused: ${refusal(trace)}`;
  if ((await job.differing(c.table)).length === 0) return 'equal';
  const [source, sink] = [await shown(job, 'source', c), await shown(job, 'sink', c)];
  const changes = [...source].flatMap(([id, value]) =>
    sink.get(id) === value ? [] : `${value} is ${sink.get(id) ?? 'not there'}`,
  );
  const extra = [...sink.keys()].filter(id => !source.has(id)).length;
  const said = [...new Set(changes)].slice(0, EXAMPLES);
  if (extra > 0) said.push(`${extra} rows too many`);
  return `changed: ${said.join(', ')}`;
}

/** The last words of the innermost cause, without what may differ from run to run. */
function refusal(trace: readonly string[]): string {
  const last = trace.findLast(line => line.startsWith('Caused by: ')) ?? trace[0] ?? '';
  const words = last.replace(/^Caused by: ([\w$]+\.)*/, '').replace(/[|\\<>*_`]/g, ' ');
  // Which of several values comes first is up to the partitions.
  const general = words.replace(/'-?\d[^']*'/g, "'...'").replace(/: -?\d+$/, '');
  return general.slice(0, 110).trim();
}

async function shown(job: SinkJob, place: Place, c: SinkCase): Promise<Map<string, string>> {
  const rows = await job.at(place, `SELECT id, ${shownOf(c)} FROM ${c.table} ORDER BY id`);
  return new Map(rows.map(([id, value]) => [String(id), value === null ? 'NULL' : String(value)]));
}
