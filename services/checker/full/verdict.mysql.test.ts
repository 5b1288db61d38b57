/** Enforces I9. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckBed, found, foundByOracle } from '../../../test/support/checker/bed.ts';

/** The checker and the oracle share no code: what both say of random data is likely right. */
const BODY = `a INT NOT NULL, b VARBINARY(4) NOT NULL, s INT NOT NULL, x VARCHAR(6), y VARCHAR(6),
  d DOUBLE, j JSON, e ENUM('u','v',''), PRIMARY KEY (b, a)`;

const text = fc.oneof(
  fc.constantFrom('NULL', "''", "','", "'a,b'", "'1'", "'NULL'", "'é'", "'É'"),
  fc.string({ unit: fc.constantFrom('a', ',', '1', 'b'), maxLength: 4 }).map(s => `'${s}'`),
);

const row = fc
  .record({
    a: fc.integer({ min: -3, max: 6 }),
    b: fc.constantFrom("''", "x'00'", "x'0000'", "x'ff'", "','"),
    s: fc.integer({ min: -4, max: 4 }),
    x: text,
    y: text,
    d: fc.constantFrom('NULL', '0e0', '-0e0', '0.1', '0.1e0+0.2e0', '0.3'),
    j: fc.constantFrom('NULL', "'null'", "'1'", "'1.0'", '\'"1"\'', "'[1,2]'", '\'["1,2"]\''),
    e: fc.constantFrom('NULL', "'u'", "''"),
  })
  .map(r => ({ key: `${r.a}/${r.b}`, s: r.s, sql: `(${Object.values(r).join(',')})` }));

const rows = fc.uniqueArray(row, { selector: r => r.key, maxLength: 40 });
const SHARDS = 2;

test('checker and oracle agree on random rows with random damage', {
  timeout: 120_000,
}, async () => {
  await using bed = await CheckBed.open('property', { sources: 2, targets: SHARDS });
  await bed.table('t', BODY, { shardColumn: 's' });
  let equal = 0;
  let different = 0;
  const put = async (session: ReturnType<CheckBed['source']>, list: string[]): Promise<void> => {
    await session.rawQuery('DELETE FROM t');
    if (list.length > 0) await session.rawQuery(`INSERT INTO t VALUES ${list.join(',')}`);
  };
  await fc.assert(
    fc.asyncProperty(
      rows,
      rows,
      fc.array(fc.nat(), { maxLength: 4 }),
      fc.constantFrom(0, 0, 0.05, 0.5),
      async (own, strange, picks, damage) => {
        // Each row goes to one of two sources and to its target; then some go astray.
        const right = (r: (typeof own)[number]): number => ((r.s % SHARDS) + SHARDS) % SHARDS;
        const sources = [0, 1].map(i => own.filter((_, n) => n % 2 === i).map(r => r.sql));
        const targets = [0, 1].map(t => own.filter(r => right(r) === t));
        for (const pick of picks) {
          const other = strange[pick % Math.max(1, strange.length)];
          if (damage === 0 || other === undefined) continue;
          const t = pick % SHARDS;
          const rest = (targets[t] ?? []).filter(r => r.key !== other.key);
          targets[t] = pick % 3 === 0 ? rest : [...rest, other];
        }
        await Promise.all([
          ...sources.map((list, i) => put(bed.source(i), list)),
          ...targets.map((list, t) =>
            put(
              bed.target(t),
              list.map(r => r.sql),
            ),
          ),
        ]);
        const [mine, theirs] = [await bed.check({ rangeRows: 7, leafRows: 3 }), await bed.oracle()];
        expect(found(mine).map(inHex).sort()).toEqual(foundByOracle(theirs));
        expect(mine.equal).toBe(theirs.equal);
        if (mine.equal) equal += 1;
        else different += 1;
      },
    ),
    { numRuns: 40, seed: Number(process.env.SEED ?? 20261121) },
  );
  expect(equal).toBeGreaterThan(5);
  expect(different).toBeGreaterThan(5);
});

/** `kind 0xFF,-3` as the oracle prints a composite key that is not of integers only. */
function inHex(line: string): string {
  const [, kind, bytes, a = ''] = /^(\w+) 0x(\w*),(.*)$/.exec(line) ?? [];
  return `${kind} ${bytes},${Buffer.from(a).toString('hex').toUpperCase()}`;
}
