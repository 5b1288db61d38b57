/**
 * An application on its way over, back, over again, and to the end: the simulated application of
 * ledger.ts writes all the time, and what it remembers is compared with the servers at each stop of
 * the journey. From any number of servers to any other.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CutoverPlan } from '../../services/control/command/cutover.ts';
import type { Status } from '../../services/control/status/status.ts';
import type { CutoverRun, CutoverStage, Way } from '../../shared/job/state/cutover.ts';
import type { Rehearsal, StepForecast } from '../../shared/job/state/rehearsal.ts';
import { SERVICES, type Service } from '../pipeline/shop-job.ts';
import { type DevServers, servers } from '../support/dev.ts';
import { type MysqlServer, sourceName, targetName, writeJobFile } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { oracle } from '../support/oracle.ts';
import {
  beginReshard,
  type CommandEnd,
  callReshard,
  type RunningCommand,
  StatusWatch,
  spawnReshard,
} from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SwitchProxy } from '../support/switch-proxy.ts';
import { type Pair, pairOf, pairText } from './forecast-pair.ts';
import { ACCOUNTS, APP, databaseOf, fill } from './journey-servers.ts';
import { LEDGER_SHARD, LEDGER_TABLES, Ledger, type Stop } from './ledger.ts';
import { Shelves } from './shelf.ts';

export interface JourneyOptions {
  mysql: Pick<Servers, 'endpoints'>;
  /** By default those that all tests share. */
  kafka?: Pick<DevServers, 'brokers' | 'registryUrl'>;
  sources: number;
  targets: number;
  /** A multiple of the numbers of servers of both sides. */
  clients: number;
  perSecond: number;
  /** Tables beside the two of the ledger, and their rows together; none. */
  shelves?: { tables: number; rows: number };
  /** Options of the job. */
  options?: Record<string, number | boolean | string>;
  tell?: (line: string) => void;
}

export interface Attempt {
  /** 128 when the command was killed. */
  code: number;
  /** Of the newest cutover that the command has seen. */
  stage: CutoverStage | null;
  error: string;
  fromMs: number;
  /** By the record; null: the command has not seen it. */
  stopMs: number | null;
}

const MINUTES = 60_000;
/** Exit code: a gate is not open. */
const SHUT = 7;

interface Gone {
  run: CutoverRun;
  forecast: StepForecast[];
}

interface Rehearsed {
  rehearsals: Rehearsal[];
}

export class Journey implements AsyncDisposable {
  readonly app: Ledger;
  readonly jobFile: string;
  /** Write stops, as the records of the cutovers say. */
  readonly stops: Stop[] = [];
  /** Write stops that were forecast by a rehearsal just before. */
  readonly pairs: Pair[] = [];
  /** Logs of all services; they stay when it is over. */
  keepsLogs = false;
  readonly #o: JourneyOptions;
  readonly #name: string;
  readonly #dir: string;
  readonly #proxy: SwitchProxy;
  readonly #servers: Record<Way, readonly MysqlServer[]>;
  readonly #running = new Map<Service, RunningCommand>();
  readonly #watch: StatusWatch;
  readonly #shelves: Shelves;
  #command: { kill(signal: NodeJS.Signals): void } | null = null;

  private constructor(
    o: JourneyOptions,
    made: Pick<Journey, 'jobFile'> & {
      name: string;
      dir: string;
      proxy: SwitchProxy;
      places: Record<Way, readonly MysqlServer[]>;
      shelves: Shelves;
    },
  ) {
    const { name, dir, proxy, jobFile, places } = made;
    this.#o = o;
    this.#name = name;
    this.#dir = dir;
    this.#proxy = proxy;
    this.#servers = places;
    this.jobFile = jobFile;
    this.#shelves = made.shelves;
    const { clients, perSecond } = o;
    const database = databaseOf(name);
    const { shelves } = made;
    this.app = new Ledger({
      ...{ proxy, account: APP, database, clients, perSecond, accounts: ACCOUNTS, shelves },
    });
    this.arm(null);
    for (const service of SERVICES) this.start(service);
    this.#watch = StatusWatch.open(jobFile);
  }

  /** The application writes to the sources, and the job runs. */
  static async begin(o: JourneyOptions): Promise<Journey> {
    const name = `way-${randomUUID().slice(0, 8)}`;
    const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-'));
    const { mysql } = o.mysql.endpoints();
    const named = (letter: string, n: number): MysqlServer[] =>
      Array.from({ length: n }, (_, i) => {
        const server = mysql[`${letter}${i + 1}`];
        if (server === undefined) throw new Error(`the server ${letter}${i + 1} is needed`);
        return server;
      });
    const places = { back: named('s', o.sources), over: named('t', o.targets) };
    const shelves = new Shelves({
      ...(o.shelves ?? { tables: 0, rows: 0 }),
      accounts: o.clients * ACCOUNTS,
    });
    await fill(places, databaseOf(name), o.clients, shelves);
    const proxy = await SwitchProxy.start(places, 'back');
    const route = { kind: 'modulus', column: LEDGER_SHARD };
    const jobFile = writeJobFile({
      ...{ dir, job: name, servers: o.kafka ?? servers(), database: databaseOf(name) },
      ...{ sources: places.back, targets: places.over, shardColumn: LEDGER_SHARD },
      tables: [...LEDGER_TABLES, ...shelves.tables],
      ...(o.options === undefined ? {} : { options: o.options }),
      cutover: {
        ...{ back: o.sources > 1 ? { route } : {}, probe: APP, open: proxy.command },
        openRehearsal: proxy.rehearsal,
        limits: { lockSeconds: 1, lockTries: 5, drainSeconds: 20, maxTransactionSeconds: 20 },
      },
    });
    const journey = new Journey(o, { name, dir, proxy, places, jobFile, shelves });
    journey.app.start();
    await journey.#settled('the copy', s => s.tables.every(t => t.complete));
    return journey;
  }

  /** Where the application is let in now. */
  get place(): string {
    return this.#proxy.place;
  }

  /** Resolves with the exit code when it is gone. */
  start(service: Service): Promise<number> {
    const env = { RESHARD_LOG_JSON: '1', RESHARD_FAILPOINT: `@${this.#failpoint}` };
    const args = ['service', service, this.jobFile];
    if (service === 'control') args.push('--create-targets');
    const log = path.join(this.#dir, `${service}.log`);
    const running = spawnReshard(args, { log, env });
    this.#running.set(service, running);
    return running.exited;
  }

  /** Whoever comes to the failpoint next kills or stops itself there; null: nobody. */
  arm(failpoint: string | null): void {
    writeFileSync(this.#failpoint, failpoint ?? '');
  }

  get #failpoint(): string {
    return path.join(this.#dir, 'failpoint');
  }

  /** Where logs of the services are. */
  get logs(): string {
    return this.#dir;
  }

  /** The process of a service. */
  running(service: Service): RunningCommand {
    const found = this.#running.get(service);
    if (found === undefined) throw new Error(`${service} was not started`);
    return found;
  }

  /** Proven, and with room for new ids, the application goes that way; its write stop in ms. */
  async go(way: Way): Promise<CutoverRun> {
    const verb = way === 'over' ? 'cutover' : 'rollback';
    await this.ready(way);
    const { run, forecast } = await this.#json<Gone>(verb, 0, '--yes');
    this.stops.push(stopOf(run));
    const steps = run.steps.map(s => `${s.step} ${s.tookMs}`).join(', ');
    this.#tell(`${verb}: writes were refused for ${run.stopMs} ms (${steps})`);
    const pair = pairOf(run, forecast);
    if (pair !== null) {
      this.pairs.push(pair);
      this.#tell(pairText(pair));
    }
    return run;
  }

  /** Proven, and with room for new ids: it could go that way now. */
  async ready(way: Way): Promise<void> {
    await this.proven(way);
    const verb = way === 'over' ? 'cutover' : 'rollback';
    const { out, err } = await callReshard(verb, this.jobFile, '--dry-run', '--json');
    if (out === '') throw new Error(err);
    await this.#raiseIds(JSON.parse(out));
  }

  /** Everything is well, and where it counts, proven. */
  async proven(way: Way): Promise<void> {
    const { phase } = await this.well();
    if (way === 'over' && phase !== 'verified') await this.#json('verify', 0);
  }

  /** Everything is at work, and the way is turned if a journal says so. */
  async well(): Promise<Status> {
    return await this.#settled(
      'all to be well',
      ({ headline, wayBack }) => headline.level === 'good' && wayBack?.isTurning === false,
    );
  }

  /** The command alone, whatever comes of it; gates that an operator can open are opened. */
  async attempt(way: Way): Promise<Attempt> {
    const fromMs = Date.now();
    const verb = way === 'over' ? 'cutover' : 'rollback';
    const { code, out, err } = await this.#gated(verb, '--yes');
    if (code === SHUT) throw new Error(`${verb} is refused: ${err}${out}`);
    const { run = null, error = err }: { run?: CutoverRun | null; error?: string } =
      out === '' ? {} : JSON.parse(out);
    const { stage = null, stopMs = null } = run ?? {};
    return { code, stage, error: error ?? '', fromMs, stopMs };
  }

  /** The command that is followed now. */
  killCommand(): void {
    this.#command?.kill('SIGKILL');
  }

  /** What a rehearsal has measured, in ms. */
  async rehearse(): Promise<number> {
    await this.ready('over');
    const { rehearsals } = await this.#json<Rehearsed>('cutover', 0, '--rehearse');
    const { forecastMs = 0, slowestMs = 0, forecast = [] } = rehearsals.at(-1) ?? {};
    const steps = forecast.map(
      f => `${f.step} ${f.ms}${['measured', 'corrected'].includes(f.basis) ? '' : ` (${f.basis})`}`,
    );
    this.#tell(`rehearsal: forecast ${forecastMs} to ${slowestMs} ms (${steps.join(', ')})`);
    return forecastMs;
  }

  /** Rows are carried the other way, and everything is well. */
  carried(way: Way): Promise<Status> {
    return this.#settled(
      `rows to be carried ${way}`,
      ({ wayBack, headline }) =>
        wayBack?.carries === way && !wayBack.isTurning && headline.level === 'good',
    );
  }

  /** The application stands still: what it remembers, on both sides; empty when all is right. */
  async compare(): Promise<string[]> {
    await this.app.stop();
    const sentMs = Date.now();
    await this.#settled('all to be carried', s => {
      const isBack = s.wayBack?.carries === 'back';
      const isDrained = isBack
        ? s.wayBack?.lagSeconds === 0 && s.wayBack.lagRecords === 0
        : s.drained;
      return isDrained && Date.now() - sentMs > 300;
    });
    const { back, over } = this.#servers;
    const wrong = [...(await this.app.forgotten(back)), ...(await this.app.forgotten(over))];
    const verdict = await oracle({
      sources: back.map((s, i) => ({ ...s, name: `${i}`, database: databaseOf(this.#name) })),
      targets: over.map((s, i) => ({ ...s, name: `${i}`, database: databaseOf(this.#name) })),
      tables: [...LEDGER_TABLES, ...this.#shelves.tables].map(table => ({
        name: table,
        shardColumn: LEDGER_SHARD,
      })),
    });
    for (const { table, differences } of verdict.tables) {
      wrong.push(...differences.slice(0, 5).map(d => `oracle: ${table} ${d.key} ${d.kind}`));
    }
    wrong.push(...this.app.unexplained(this.stops).map(r => `refused outside a stop: ${r}`));
    return wrong;
  }

  async finish(): Promise<void> {
    await this.#json('finish', 0, '--yes');
  }

  /** Does what the gates of ids name, as an operator would. */
  async #raiseIds({ gates = [] }: Partial<CutoverPlan>): Promise<void> {
    for (const { name, where, fix } of gates.filter(g => g.name === 'ids' && g.fix !== null)) {
      const [server = ''] = where.split('/');
      const at = this.#serverOf(server);
      if (at === undefined) throw new Error(`${name} of ${where}`);
      await using client = await LoadClient.open(at);
      await client.run((fix ?? '').replace(/;$/, ''));
    }
  }

  #serverOf(name: string): MysqlServer | undefined {
    const { back, over } = this.#servers;
    const job = { job: this.#name, cutover: { back: {} } };
    return (
      back.find((_, i) => sourceName(this.#name, i) === name) ??
      over.find((_, i) => targetName(job, i) === name)
    );
  }

  /** A gate that is not open is looked at again, as an operator would: slow machines shut some. */
  async #gated(verb: string, ...more: string[]): Promise<CommandEnd> {
    const end = performance.now() + 2 * MINUTES;
    for (;;) {
      const command = beginReshard(verb, this.jobFile, ...more, '--json');
      this.#command = command;
      const answer = await command.ended;
      if (answer.code !== SHUT || performance.now() > end) return answer;
      if (answer.out !== '') await this.#raiseIds(JSON.parse(answer.out));
    }
  }

  async #json<T>(verb: string, expected: number, ...more: string[]): Promise<T> {
    const { code, out, err } = await this.#gated(verb, ...more);
    if (code === expected) return JSON.parse(out);
    const { gates = [], ...rest } = out === '' ? {} : JSON.parse(out);
    const shut = gates.filter((g: { state: string }) => g.state !== 'open');
    throw new Error(`${verb}: exit code ${code}\n${err}${JSON.stringify({ shut, ...rest })}`);
  }

  async #settled(what: string, is: (s: Status) => boolean): Promise<Status> {
    const from = this.#watch.count;
    const end = performance.now() + 3 * MINUTES;
    while (performance.now() < end) {
      const { latest, count } = this.#watch;
      if (latest !== undefined && count > from && is(latest)) return latest;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    const lines = SERVICES.flatMap(service => {
      const text = readFileSync(path.join(this.#dir, `${service}.log`), 'utf8').trim();
      return [`--- ${service}`, ...text.split('\n').slice(-4)];
    });
    const status = JSON.stringify(this.#watch.latest?.headline);
    throw new Error(`waited in vain for ${what}: ${status}\n${lines.join('\n')}`);
  }

  #tell(line: string): void {
    const { sources, targets } = this.#o;
    this.#o.tell?.(`${sources} -> ${targets}: ${line}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
    await this.#watch[Symbol.asyncDispose]();
    for (const running of this.#running.values()) running.kill('SIGTERM');
    await Promise.all([...this.#running.values()].map(r => r.exited));
    for (const server of [...this.#servers.back, ...this.#servers.over]) {
      await using client = await LoadClient.open(server);
      for (const name of ['super_read_only', 'read_only']) {
        await client.run(`SET GLOBAL ${name} = OFF`);
        await client.run(`RESET PERSIST IF EXISTS ${name}`);
      }
      await client.run(`DROP DATABASE IF EXISTS ${databaseOf(this.#name)}`);
    }
    if (!this.keepsLogs) rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** From the first try to freeze until the open command has ended, by the record. */
function stopOf({ steps }: CutoverRun): Stop {
  const freeze = steps.find(s => s.step === 'freeze');
  const open = steps.find(s => s.step === 'open');
  if (freeze === undefined || open === undefined) throw new Error('no write stop is recorded');
  return { fromMs: freeze.atMs, toMs: open.atMs + open.tookMs };
}
