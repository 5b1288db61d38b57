/**
 * The shape that documents of a column have in common, by some of them: which members and elements
 * they have at most, and which of these are objects and arrays. It makes a condition in SQL that
 * proves of a document, by itself, that its list of kinds is empty (json-asking.ts), for a third of
 * what the list costs the server. Of documents of another shape it says nothing: they are asked for
 * the list.
 *
 * Proof: the condition has an equation for the root and for each object or array of the shape. If
 * that is an object, or array, in the document, as its own parent's equation says, the paths of its
 * children lead to a child each, to none twice. Those count that are of a kind that a parse makes,
 * or the container that the shape has there. So many as it has children: then all of them count.
 */
import { PARSED_SCALARS } from './json-asking.ts';

type Kind = 'OBJECT' | 'ARRAY' | 'SCALAR';

/** More cost nearly as much as the list. */
const PATHS_MAX = 32;
/** Keys of which a path is made without an escape. */
const PLAIN_KEY = /^\w+$/;
const ROOT = '$';

export class JsonShape {
  /** By the path, each behind its parent. */
  #paths: ReadonlyMap<string, { parent: string | null; kind: Kind }> = new Map();

  /** The shape of at least half of the documents; null: there is none. */
  static ofMost(documents: readonly unknown[]): JsonShape | null {
    const shape = new JsonShape();
    const held = documents.filter(document => shape.note(document)).length;
    return held > 0 && 2 * held >= documents.length ? shape : null;
  }

  /** Whether it is, or has become, the shape of this document too. */
  note(document: unknown): boolean {
    const paths = new Map(this.#paths);
    const isHeld = kindOf(document) !== 'SCALAR' && collect(document, ROOT, null, paths);
    if (isHeld) this.#paths = paths;
    return isHeld;
  }

  /** SQL that is true of no document with a kind of its own, and of all plain ones of the shape. */
  isPlain(c: string): string {
    const all = [...this.#paths];
    const equations = all.flatMap(([path, { kind }]) => {
      if (kind === 'SCALAR') return [];
      const children = all.filter(([, { parent }]) => parent === path);
      const counted = children.map(([child, is]) => `IFNULL(${isOfKind(c, child, is.kind)},0)`);
      return [
        `IFNULL(JSON_LENGTH(${path === ROOT ? c : `${c},'${path}'`}),0)=${counted.join('+') || '0'}`,
      ];
    });
    const root = this.#paths.get(ROOT)?.kind;
    return root === undefined ? 'FALSE' : [isOfKind(c, ROOT, root), ...equations].join(' AND ');
  }
}

function isOfKind(c: string, path: string, kind: Kind): string {
  const type = path === ROOT ? `JSON_TYPE(${c})` : `JSON_TYPE(JSON_EXTRACT(${c},'${path}'))`;
  return kind === 'SCALAR' ? `${type} IN (${PARSED_SCALARS})` : `${type}='${kind}'`;
}

function kindOf(value: unknown): Kind {
  if (typeof value !== 'object' || value === null) return 'SCALAR';
  return Array.isArray(value) ? 'ARRAY' : 'OBJECT';
}

/** Adds the paths of a value; false if they are too many, or do not go together. */
function collect(
  value: unknown,
  path: string,
  parent: string | null,
  paths: Map<string, { parent: string | null; kind: Kind }>,
): boolean {
  const kind = kindOf(value);
  if ((paths.get(path)?.kind ?? kind) !== kind) return false;
  paths.set(path, { parent, kind });
  if (paths.size > PATHS_MAX) return false;
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, v]) => {
    if (kind === 'ARRAY') return collect(v, `${path}[${key}]`, path, paths);
    return PLAIN_KEY.test(key) && collect(v, `${path}."${key}"`, path, paths);
  });
}
