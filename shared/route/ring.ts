/**
 * The route by ring, for applications that place their keys by ketama: server names are hashed to
 * points of a circle, a value belongs to the server of the next point.
 *
 * The algorithm is libketama's (R. Jones, Last.fm; github.com/RJ/ketama, libketama/ketama.c): each
 * MD5 of `<name>-0`, `<name>-1` ... gives four points, its four little-endian words; a value is the
 * first word of the MD5 of its bytes. By weights a server has floorf(weight / total * 40 * servers)
 * such hashes, in the single precision of C: in doubles some servers have one more or one less,
 * and the application looks for their rows elsewhere. Without weights it is 40, always: the same
 * formula gives 39 for 61 servers and some other numbers, and one more server then moves rows
 * between the others.
 *
 * Servers send the bytes of the value and the rest is done here: MySQL 9 has no MD5.
 */
import { hash } from 'node:crypto';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Dialect, Route, RowView, ServerPart, TargetSet } from './route.ts';
import { RoutedText } from './routed-text.ts';

const HASHES = 40;
const POINTS_PER_HASH = 4;

export interface RingServer {
  /** As the application writes it. */
  name: string;
  target: number;
}

export class Ring {
  /** In ascending order; a point that two servers have is that of the earlier one. */
  readonly points: Uint32Array;
  readonly targets: Uint16Array;

  /** `weights`: of each server, or null for equal ones. */
  constructor(servers: readonly RingServer[], weights: readonly number[] | null) {
    const counts = weights === null ? servers.map(() => HASHES) : hashesByWeight(weights);
    const points = servers.flatMap(({ name, target }, i) =>
      Array.from({ length: counts[i] ?? 0 }, (_, k) => hash('md5', `${name}-${k}`, 'buffer'))
        .flatMap(digest => wordsOf(digest))
        .map(point => ({ point, target })),
    );
    points.sort((a, b) => a.point - b.point);
    this.points = Uint32Array.from(points, p => p.point);
    this.targets = Uint16Array.from(points, p => p.target);
  }

  targetOf(bytes: Buffer): number {
    return this.targets[this.indexOf(hash('md5', bytes, 'buffer').readUInt32LE(0))] as number;
  }

  /** Index of the first point that is not below `value`; behind the last one comes the first. */
  indexOf(value: number): number {
    const { points } = this;
    let from = 0;
    let to = points.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((points[middle] as number) < value) from = middle + 1;
      else to = middle;
    }
    return from === points.length ? 0 : from;
  }
}

function wordsOf(digest: Buffer): number[] {
  return Array.from({ length: POINTS_PER_HASH }, (_, i) => digest.readUInt32LE(4 * i));
}

function hashesByWeight(weights: readonly number[]): number[] {
  const total = weights.reduce((a, b) => a + b, 0);
  if (!(total > 0)) {
    throw new ReshardError('config', 'no target of the ring has a weight', {
      remedy: 'give each target the weight that the application gives its server',
    });
  }
  return weights.map(weight => {
    const share = Math.fround(Math.fround(weight) / Math.fround(total));
    return Math.floor(Math.fround(share * HASHES * weights.length));
  });
}

export class RingRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[];
  readonly #text: RoutedText;
  readonly #ring: Ring;

  constructor(schema: TableSchema, columns: readonly string[], ring: Ring, epoch = 1) {
    this.epoch = epoch;
    this.columns = columns;
    this.#text = new RoutedText(schema, columns);
    this.#ring = ring;
  }

  targetsOf(row: RowView): TargetSet {
    return this.#ring.targetOf(this.#text.of(row));
  }

  sql(dialect: Dialect): ServerPart {
    return {
      sql: `HEX(${this.#text.sql(dialect)})`,
      targetOf: hex => this.#ring.targetOf(Buffer.from(hex, 'hex')),
    };
  }
}
