/** A remedy that is printed runs as it is printed, from the folder where the user is. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { filled, jsonOf, useJobFile } from './output.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const REMEDY = 'remedy: `reshard recopy <job file> --source s1`';

afterEach(() => useJobFile('<job file>'));

test('a remedy names the job file as the user has written it', () => {
  expect(filled(REMEDY, 'jobs/shop.yaml')).toBe(
    'remedy: `reshard recopy jobs/shop.yaml --source s1`',
  );
  expect(filled(REMEDY, "o'neil's job.yaml")).toContain(
    "reshard recopy 'o'\\''neil'\\''s job.yaml' --source",
  );
  expect(filled(REMEDY, '$&.yaml')).toContain("recopy '$&.yaml' --source");
});

test('in JSON too, whatever is in the path', () => {
  useJobFile('a "b".yaml');
  const read = JSON.parse(jsonOf({ remedy: REMEDY, at: 9n }));
  expect(read).toEqual({ remedy: `remedy: \`reshard recopy 'a "b".yaml' --source s1\``, at: '9' });
});

/** Verbs of a job, in a text of the code: without the file they are no command. */
const VERB =
  /`reshard (doctor|up|status|pause|resume|throttle|verify|repair|recopy|topics|apply|drop|route|ddl \w+|service \w+)\b/g;

test('every verb that the code prints comes with the job file', () => {
  const files = ['services', 'shared'].flatMap(room =>
    readdirSync(path.join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .filter(f => f.endsWith('.ts') && !f.endsWith('.test.ts'))
      .map(f => path.join(room, f)),
  );
  const wrong = files.flatMap(file => {
    const code = readFileSync(path.join(ROOT, file), 'utf8').replaceAll(
      /\/\*[\s\S]*?\*\/|^ *\/\/.*$/gm,
      '',
    );
    return [...code.matchAll(VERB)]
      .filter(({ 0: verb, index }) => {
        const rest = code.slice(index + verb.length, index + verb.length + 20);
        return !/^ (<job file>|<its job file>|\$\{)/.test(rest);
      })
      .map(({ 0: verb }) => `${file}: ${verb}`);
  });
  expect(wrong).toEqual([]);
});
