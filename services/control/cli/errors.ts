/** `reshard errors`: the catalogue of error kinds, for people, for scripts, and as a page. */

import type { ErrorKind } from '../../../shared/runtime/error.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import {
  CATALOGUE,
  type CatalogueEntry,
  KINDS,
  kindNamed,
} from '../../../shared/runtime/error-catalogue.ts';
import { type Policy, policyOf } from '../../../shared/runtime/error-policy.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { print } from './output.ts';

const POLICY_TEXT: Record<Policy, string> = {
  restart: 'the part that failed is built anew from durable state, after a pause that grows',
  halt: 'the smallest part stops (a key, a table, a source), the rest goes on, `status` shows it',
  exit: 'the process ends',
};

interface Described extends CatalogueEntry {
  kind: ErrorKind;
  policy: Policy;
  /** Of a command that fails with it. */
  exitCode: number;
}

function described(kind: ErrorKind): Described {
  return { kind, ...CATALOGUE[kind], policy: policyOf(kind), exitCode: exitCodeOf(kind) };
}

export async function errorsCommand(
  name: string | undefined,
  o: { json?: boolean; markdown?: boolean },
): Promise<number> {
  const kind = name === undefined ? undefined : kindNamed(name);
  if (name !== undefined && kind === undefined) {
    throw new ReshardError('config', `there is no error kind "${name}"`, {
      remedy: `one of: ${KINDS.join(', ')}`,
    });
  }
  const wanted = (kind === undefined ? KINDS : [kind]).map(described);
  const text = o.json
    ? JSON.stringify(wanted, null, 2)
    : o.markdown
      ? errorsPage()
      : wanted.map(renderKind).join('\n\n');
  print(`${text.trimEnd()}\n`);
  return EXIT.ok;
}

function renderKind(d: Described): string {
  return [
    `${d.kind}: ${d.means}`,
    `  comes from    ${d.causes}`,
    `  what happens  ${POLICY_TEXT[d.policy]}`,
    `  what to do    ${d.remedy}`,
    `  exit code     ${d.exitCode}`,
  ].join('\n');
}

/** docs/ERRORS.md, whole. */
export function errorsPage(): string {
  const kinds = KINDS.map(described).map(
    d =>
      `## ${d.kind}\n\n${sentence(d.means)}\n\n` +
      `- Comes from: ${d.causes}.\n` +
      `- What happens: ${d.policy}; ${POLICY_TEXT[d.policy]}.\n` +
      `- What to do: ${d.remedy}.\n` +
      `- Exit code of a command that fails with it: ${d.exitCode}.`,
  );
  return `# Errors

Every error has one of these kinds. The kind decides what happens next. A message names the thing
it is about (table, topic, position), never the values of a row, and a remedy where one fits better
than that of the kind. \`reshard errors <kind>\` prints one of them. This page is printed from the
code: \`npx reshard errors --markdown > docs/ERRORS.md\`.

${kinds.join('\n\n')}
`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
