/** What a soak did and what came of it, summed up over its rounds, as text for people. */
import type { Service } from './crew.ts';
import type { SoakOptions } from './options.ts';
import { Recovery } from './recovery.ts';
import type { RoundResult } from './round.ts';
import type { NetworkKind } from './site.ts';
import { StatementCounts } from './work.ts';

export class Verdict {
  readonly failures: string[] = [];
  faults = 0;
  readonly #statements = new StatementCounts();
  readonly #struck = new Map<string, number>();
  readonly #recovery = new Recovery();
  readonly #peakBytes = new Map<Service, number>();
  readonly #rounds: string[] = [];
  #rows = 0;
  #records = 0;
  #stormSeconds = 0;

  add(name: string, result: RoundResult): void {
    const { storm, crew, statements, rows, records, seconds, inCopy } = result;
    this.failures.push(...[...result.failures, ...surprises(result)].map(f => `${name}: ${f}`));
    for (const [kind, count] of statements.byKind) this.#statements.add(kind, count);
    for (const [fault, count] of storm.struck) {
      this.#struck.set(fault, count + (this.#struck.get(fault) ?? 0));
    }
    for (const [service, bytes] of crew.peakBytes) {
      this.#peakBytes.set(service, Math.max(bytes, this.#peakBytes.get(service) ?? 0));
    }
    this.#recovery.merge(storm.recovery);
    this.faults += storm.count;
    this.#rows += rows;
    this.#records += records;
    this.#stormSeconds += seconds;
    this.#rounds.push(
      `  ${name}: ${seconds.toFixed(0)} s, ${storm.count} faults (${inCopy} during the copy), ` +
        `${statements.total} statements, ${rows} rows compared, ${crew.starts} starts of members`,
    );
  }

  /** Fails when a service took more than so much memory. */
  limitMemory(bytesMax: number): void {
    for (const [service, bytes] of this.#peakBytes) {
      if (bytes > bytesMax) this.failures.push(`${service} took ${megabytes(bytes)}`);
    }
  }

  text(o: SoakOptions, network: NetworkKind, dir: string): string {
    const list = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .sort(([, a], [, b]) => b - a)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ');
    const megabytesOf = new Map([...this.#peakBytes].map(([s, b]) => [s, megabytes(b)]));
    const isEqual = this.failures.length === 0;
    return [
      `seed ${o.seed}, modes ${o.modes.join(' and ')}, ${o.connections} connections, ` +
        `${this.#stormSeconds.toFixed(0)} s of storm, brokers: ${o.kafkaNodes}, ` +
        `networks of the databases: ${network}`,
      ...this.#rounds,
      `statements: ${this.#statements.total}: ${list(this.#statements.byKind)}`,
      `faults: ${this.faults}: ${list(this.#struck)}`,
      this.#recovery.table(),
      `peak memory: ${[...megabytesOf].map(([s, m]) => `${s} ${m}`).join(', ')}`,
      `rows compared: ${this.#rows}; records read by plain consumers: ${this.#records}`,
      isEqual
        ? `equal: yes, after ${this.faults} faults`
        : `equal: NO, after ${this.faults} faults, logs in ${dir}\n${this.failures.join('\n')}`,
    ].join('\n');
  }
}

/** A member that did not end by SIGTERM as it should is a failure; others are only told. */
function surprises({ crew }: RoundResult): string[] {
  return crew.surprises
    .filter(s => s.code === -1)
    .map(s => `${s.at} ${s.member} ended with ${s.code}: ${s.lastWords}`);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1048576)} MB`;
}
