/**
 * A script that makes one target right for keys, for those who run it by hand. Other than a repair
 * it knows nothing of the log: what it writes is as old as the moment at which it was made. So each
 * statement touches a row only if that is still, byte for byte, the one that was seen (rowHash),
 * and adds one only where still none is. What it cannot see is a row that has gone from the source
 * since: its head says so.
 *
 * Deletes come before what is added, since the row that is in the way of a unique value may be one
 * of them. Where a row cannot simply be changed it is deleted and added again: rows with documents
 * (MySQL writes none over one that it holds equal), and those of tables with other unique keys,
 * whose values may be those of each other. It is added only if it was there to be deleted.
 *
 * A row that is too many here is one that is right elsewhere, maybe byte for byte. So the script
 * knows its server: it ends at once on another one. Every statement asks once more, for a client
 * that goes on behind errors, and for one whose connection was lost and made anew, without the
 * settings of the session and in no transaction.
 */
import { qualified, quoteId, quoteText } from '../../../shared/mysql/identifier.ts';
import { keyText, readableKey } from '../../../shared/mysql/key-literal.ts';
import { keysPredicate } from '../../../shared/mysql/range-sql.ts';
import { rowHash } from '../../../shared/mysql/row-hash.ts';
import type { ServerIdentity } from '../../../shared/mysql/server-uuid.ts';
import { SESSION_SQL_MODE } from '../../../shared/mysql/session-setting.ts';
import { type KeyLiterals, keyColumns } from '../../../shared/row/key-range.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { type KeyState, keyStates, type ScriptTable, sourceRows } from './repair-rows.ts';
import type { TableTraits } from './table-traits.ts';

export interface ScriptHead {
  job: string;
  target: string;
  atMs: number;
  /** Of the sources and the target: every row was read as of this position or later. */
  positions: readonly { name: string; gtids: string }[];
  /** A check has given a table up: there is more that differs. */
  isMore: boolean;
  server: ServerIdentity;
  triggers: readonly string[];
}

/** A variable of the session: whether it is on the server of the script. */
const HERE = '@reshard_here';
/** What the session had before, by its variable. */
const KEPT = [
  'sql_mode',
  'time_zone',
  'sql_safe_updates',
  'foreign_key_checks',
  'character_set_client',
  'character_set_results',
  'collation_connection',
];

/** Keys of one transaction, where rows do not depend on each other. */
const CHUNK_KEYS = 200;
/** The same in bytes of its text. */
const CHUNK_BYTES = 16 * 1024 * 1024;
/** Most of that, where rows do depend on each other. */
const TIED_BYTES = 64 * 1024 * 1024;
/** Whole rows that are read at a time. */
const ROWS_AT_ONCE = 20;

export function scriptHead(h: ScriptHead): string {
  const lines = [
    `Repair of the target ${h.target} of the job ${h.job}, by hand.`,
    `Made at ${new Date(h.atMs).toISOString()}; rows were read as of these positions or later:`,
    ...h.positions.map(p => `  ${p.name} ${p.gtids || 'no position'}`),
    '',
    'HOLD ALL WRITES TO THESE KEYS ON THE SOURCES until it has run, and let the target catch up',
    'first: a row that is deleted at its source after that moment would be added here again.',
    'A row that is another one here by now, or is there where none was, is left alone.',
    '`reshard repair <job file>` needs none of this: it writes in the order of the log.',
    'Not with --force: a row may be deleted in order to be added again.',
    'Another server than that of the target refuses it. It is whole if its last line says so.',
    'Then `reshard verify <job file>`: no proof comes of this script.',
    ...(h.isMore ? ['INCOMPLETE: the check has not listed all that differs.'] : []),
    ...h.triggers.map(t => `A trigger of this target will run: ${t}`),
  ];
  const settings = [
    ...onlyOn(h.server, h.target),
    `SET ${KEPT.map(name => `@reshard_${name} = @@SESSION.${name}`).join(', ')};`,
    'SET NAMES utf8mb4 COLLATE utf8mb4_general_ci;',
    `SET SESSION sql_mode = '${SESSION_SQL_MODE}', time_zone = '+00:00', sql_safe_updates = 0;`,
    // As the sink writes: rows of other databases that hang on one must not go with it.
    'SET SESSION foreign_key_checks = 0;',
  ];
  return [...lines.map(comment), ...settings, ''].join('\n');
}

/** The session has what it had, and does nothing more for a script. */
export function scriptFoot(): string {
  const back = KEPT.map(name => `${name} = @reshard_${name}`).join(', ');
  return `\nSET SESSION ${back};\nSET ${HERE} = NULL;\n${comment('End of the script.')}\n`;
}

/** An error with words of ours takes a name that nothing has. */
function onlyOn({ sql, value }: ServerIdentity, target: string): string[] {
  const refusal = `DO ${quoteId(`WRONG SERVER, nothing is changed: this is for ${target}`)}`;
  return [
    `SET ${HERE} = (${sql} = ${quoteText(value)});`,
    `SET @reshard_guard = IF(${HERE}, 'DO 0', ${quoteText(refusal)});`,
    'PREPARE reshard_guard FROM @reshard_guard;',
    'EXECUTE reshard_guard;',
    'DEALLOCATE PREPARE reshard_guard;',
  ];
}

export interface ScriptCounts {
  /** Rows that statements are for. */
  rows: number;
  /** Keys that are named in a comment, with the reason why there is no statement. */
  left: number;
}

/** The statements of one table, in parts; `counts` is brought up to date with each. */
export async function* scriptOf(
  table: ScriptTable,
  traits: TableTraits,
  keys: readonly KeyLiterals[],
  counts: ScriptCounts,
): AsyncGenerator<string> {
  const writer = new TableScript(table, traits);
  const states = (await keyStates(table, keys)).filter(s => writer.isWrong(s));
  const work = states.filter(s => reasonOf(s) === null);
  for (const state of states) {
    const why = reasonOf(state);
    if (why === null) continue;
    counts.left += 1;
    yield writer.leave(state.key, why);
  }
  let open = new Transaction();
  for (let i = 0; i < work.length; i += ROWS_AT_ONCE) {
    const left = await writer.add(work.slice(i, i + ROWS_AT_ONCE), open);
    counts.left += left.length;
    yield left.join('');
    if (traits.isTied && open.bytes > TIED_BYTES) throw tooLarge(table);
    const isFull = open.keys >= CHUNK_KEYS || open.bytes > CHUNK_BYTES;
    if (traits.isTied || !isFull) continue;
    counts.rows += open.keys;
    yield open.text();
    open = new Transaction();
  }
  counts.rows += open.keys;
  yield open.text();
}

function tooLarge({ target }: ScriptTable): ReshardError {
  const { table } = target.schema;
  return new ReshardError('too-large', `rows of ${table} that depend on each other are too many`, {
    remedy: '`reshard repair <job file>` repairs them; or name some of them with --keys',
  });
}

/** Why there is no statement for a key; null: there is one. */
function reasonOf({ isTooLarge, wanted }: KeyState): string | null {
  if (wanted.length > 1) return 'several sources bring it: give the rows different keys';
  return isTooLarge ? 'a row is over max_allowed_packet, or has no target' : null;
}

class Transaction {
  readonly #first: string[] = [];
  readonly #then: string[] = [];
  keys = 0;
  bytes = 0;

  /** `first`: what must be done before anything is added. */
  add(first: string, then: string): void {
    this.#first.push(first);
    this.#then.push(then);
    this.keys += 1;
    this.bytes += first.length + then.length;
  }

  text(): string {
    if (this.keys === 0) return '';
    return `\nSTART TRANSACTION;\n${this.#first.join('')}${this.#then.join('')}COMMIT;\n`;
  }
}

class TableScript {
  readonly #table: ScriptTable;
  readonly #traits: TableTraits;
  readonly #name: string;
  readonly #hash: string;

  constructor(table: ScriptTable, traits: TableTraits) {
    const { schema } = table.target;
    this.#table = table;
    this.#traits = traits;
    this.#name = qualified(schema.db, schema.table);
    this.#hash = rowHash(schema);
  }

  isWrong({ there, wanted, isTooLarge }: KeyState): boolean {
    const [want] = wanted;
    return isTooLarge || wanted.length > 1 || (want?.hash ?? null) !== there;
  }

  leave(key: KeyLiterals, why: string): string {
    const { schema } = this.#table.target;
    const named = JSON.stringify(readableKey(schema, key));
    return `${comment(`LEFT ALONE: ${schema.table} ${named}: ${why}`)}\n`;
  }

  /** Adds the statements of keys; answers what is told of those that have none. */
  async add(states: readonly KeyState[], to: Transaction): Promise<string[]> {
    const left: string[] = [];
    for (const state of states.filter(s => s.wanted.length === 0)) {
      to.add(this.#delete(state), '');
    }
    for (const [source, place] of this.#table.sources.entries()) {
      const own = states.filter(s => s.wanted[0]?.source === source);
      if (own.length === 0) continue;
      const rows = await sourceRows(
        place,
        own.map(s => s.key),
      );
      const byKey = new Map(rows.map(r => [keyText(r.key), r]));
      for (const state of own) {
        const row = byKey.get(keyText(state.key));
        const isSame = row?.hash === state.wanted[0]?.hash;
        if (row !== undefined && isSame && row.literals !== null) {
          this.#write(state, row.literals, to);
          continue;
        }
        const why = isSame ? 'no literal can tell its values' : 'its source row has just changed';
        left.push(this.leave(state.key, why));
      }
    }
    return left;
  }

  #write(state: KeyState, values: ReadonlyMap<string, string>, to: Transaction): void {
    const { schema } = this.#table.target;
    const { key, there } = state;
    if (there === null) {
      const isThere = `SELECT 1 FROM ${this.#name} WHERE ${keysPredicate(schema, [key])}`;
      to.add('', this.#insert(values, `${HERE} AND NOT EXISTS (${isThere})`));
    } else if (this.#traits.isAnew) {
      // What a statement has changed is told to the next one alone, which a client may put in.
      const found = `@reshard_${to.keys}`;
      const seen = `FROM ${this.#name} WHERE ${this.#seen(key, there)} FOR UPDATE`;
      const first = `SELECT COUNT(*) INTO ${found} ${seen};\n${this.#delete(state)}`;
      to.add(first, this.#insert(values, `${found} = 1`));
    } else to.add('', this.#update(state, values));
  }

  #delete({ key, there }: KeyState): string {
    return there === null ? '' : `DELETE FROM ${this.#name} WHERE ${this.#seen(key, there)};\n`;
  }

  #insert(values: ReadonlyMap<string, string>, guard: string): string {
    const names = this.#written();
    const literals = names.map(name => literalOf(values, name));
    return (
      `INSERT INTO ${this.#name} (${names.map(quoteId).join(',')}) ` +
      `SELECT ${literals.join(',')} FROM DUAL WHERE ${guard};\n`
    );
  }

  #update({ key, there }: KeyState, values: ReadonlyMap<string, string>): string {
    const keyNames = new Set(keyColumns(this.#table.target.schema).map(c => c.name));
    const set = this.#written()
      .filter(name => !keyNames.has(name))
      .map(name => `${quoteId(name)}=${literalOf(values, name)}`);
    // Of keys alone, what differs is computed by the target: writing it changes nothing.
    if (set.length === 0) return '';
    return `UPDATE ${this.#name} SET ${set.join(',')} WHERE ${this.#seen(key, there ?? '')};\n`;
  }

  /** What the target does not compute itself. */
  #written(): string[] {
    const { columns } = this.#table.target.schema;
    return columns.filter(c => c.generated === 'no').map(c => c.name);
  }

  /** The condition of the row as it was seen. */
  #seen(key: KeyLiterals, hash: string): string {
    const { schema } = this.#table.target;
    return `${keysPredicate(schema, [key])} AND ${HERE} AND ${this.#hash}='${hash}'`;
  }
}

function literalOf(values: ReadonlyMap<string, string>, name: string): string {
  const literal = values.get(name);
  if (literal === undefined) throw new ReshardError('bug', `a row without its column ${name}`);
  return literal;
}

/** One line of plain ASCII, whatever names and keys are in it. */
function comment(line: string): string {
  const plain = line.replace(
    /[^\x20-\x7e]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return plain === '' ? '--' : `-- ${plain}`;
}
