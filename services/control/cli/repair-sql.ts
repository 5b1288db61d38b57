/**
 * `reshard repair --sql`: prints a script for each target, or writes them to files; changes nothing.
 * The scripts hold rows as they are, so their files are for their owner alone.
 */
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { describeError, ReshardError } from '../../../shared/runtime/error.ts';
import type { JobLink } from '../command/job-handle.ts';
import { sqlRepair } from '../command/repair-sql.ts';
import type { RepairPlan } from '../repair/repair-plan.ts';
import { targetScript } from '../repair/repair-sql.ts';
import { EXIT } from './exit-code.ts';
import { count } from './number-text.ts';
import { filled, print, printJson, tell } from './output.ts';

export interface SqlOptions {
  /** A folder; true: standard output. */
  sql: string | true;
  json?: boolean;
}

interface Script {
  target: string;
  rows: number;
  /** Keys without a statement. */
  left: number;
  /** The script, or the file that it is in. */
  sql?: string;
  file?: string;
}

export async function repairSql(
  link: JobLink,
  plan: RepairPlan,
  isMore: boolean,
  o: SqlOptions,
): Promise<number> {
  const { refused } = plan;
  const order = sqlRepair(link, plan, isMore);
  const scripts: Script[] = [];
  for (const [number, { name }] of plan.keys.length === 0 ? [] : order.targets.entries()) {
    const counts = { rows: 0, left: 0 };
    const parts = targetScript(order, number, counts);
    const made =
      o.sql === true
        ? await printed(parts, o.json === true)
        : await written(parts, path.join(o.sql, `${order.job}-${name}.sql`));
    scripts.push({ target: name, ...counts, ...made });
  }
  if (o.json) printJson({ scripts, refused });
  else for (const script of scripts) tell(`reshard: ${scriptText(script)}\n`);
  for (const d of o.json ? [] : refused) {
    tell(`reshard: not in it: ${d.table} ${JSON.stringify(d.key)} comes from several sources\n`);
  }
  if (scripts.length === 0 && !o.json) tell('reshard: nothing to repair\n');
  const isLeft = refused.length > 0 || scripts.some(s => s.left > 0);
  return isLeft ? EXIT.different : EXIT.ok;
}

function scriptText({ target, rows, left, file }: Script): string {
  const place = file === undefined ? '' : ` in ${file}`;
  const alone = left === 0 ? '' : `; ${count(left)} keys are left alone, as it says`;
  return `${target}: ${count(rows)} rows${place}${alone}`;
}

async function printed(parts: AsyncGenerator<string>, isQuiet: boolean): Promise<{ sql?: string }> {
  let sql = '';
  for await (const part of parts) {
    if (isQuiet) sql += part;
    else print(part);
  }
  return isQuiet ? { sql } : {};
}

async function written(parts: AsyncGenerator<string>, file: string): Promise<{ file: string }> {
  const handle = await open(file, 'wx', 0o600).catch(cause => {
    throw new ReshardError('config', `the script cannot be written: ${describeError(cause)}`, {
      cause,
      remedy: '--sql <folder> names a folder that is there, without scripts of an earlier time',
    });
  });
  try {
    await writeAll(handle, parts);
  } finally {
    await handle.close();
  }
  return { file };
}

/** A half of a script must not be run: what fails leaves an empty file. */
async function writeAll(handle: FileHandle, parts: AsyncGenerator<string>): Promise<void> {
  try {
    for await (const part of parts) await handle.write(filled(part));
  } catch (e) {
    await handle.truncate(0);
    throw e;
  }
}
