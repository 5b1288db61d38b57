/**
 * Statements of a published SQL script, as MySQL's own client takes it apart: `;` ends one, unless
 * it stands in a text, a name or a comment, and DELIMITER sets another end for bodies of triggers
 * and routines. Comments before a statement are left out; inside it they stay, as `/*! ... *\/` is
 * read by the server.
 */

/** Texts, names and comments: what may hold a delimiter that ends nothing. */
const TOKEN = new RegExp(
  [
    /'(?:[^'\\]|\\.|'')*'/,
    /"(?:[^"\\]|\\.|"")*"/,
    /`(?:[^`]|``)*`/,
    /\/\*[\s\S]*?\*\//,
    /--(?=\s|$)[^\n]*/,
    /#[^\n]*/,
  ]
    .map(pattern => pattern.source)
    .join('|'),
  'y',
);
const DELIMITER = /[ \t]*DELIMITER[ \t]+(\S+)[^\n]*(?:\n|$)/iy;

export function statements(script: string): string[] {
  const found: string[] = [];
  let delimiter = ';';
  let current = '';
  let at = 0;
  const end = (): void => {
    if (current.trim() !== '') found.push(current.trim());
    current = '';
  };
  while (at < script.length) {
    const isLineStart = at === 0 || script[at - 1] === '\n';
    const told = isLineStart ? match(DELIMITER, script, at) : undefined;
    if (told !== undefined) {
      end();
      delimiter = told[1] ?? ';';
      at += told[0].length;
      continue;
    }
    const token = match(TOKEN, script, at)?.[0];
    if (token !== undefined) {
      const isComment = /^(--|#|\/\*(?!!))/.test(token);
      current += isComment && current.trim() === '' ? ' ' : token;
      at += token.length;
    } else if (script.startsWith(delimiter, at)) {
      end();
      at += delimiter.length;
    } else {
      current += script[at];
      at += 1;
    }
  }
  end();
  return found;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
