/**
 * The shop's job with a way back, and an application that remembers every write it was told is done
 * and goes where the job's hook sends it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import { SERVICES, ShopJob, type ShopJobOptions } from '../pipeline/shop-job.ts';
import type { MysqlServer } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { Application } from './application.ts';

/** What the application, and a write that must fail, log in as. */
const APP = { user: 'app', password: 'app' };

export interface ShopMoveOptions {
  /** Of the cutover: besides those that a test needs. */
  limits: Record<string, number>;
  options?: ShopJobOptions['options'];
  /** What is besides of it in the job file, by the job's name and the servers. */
  more?: (job: string, mysql: Servers) => object;
}

export class ShopMove implements AsyncDisposable {
  readonly job: ShopJob;
  readonly app: Application;
  readonly #made: AsyncDisposableStack;

  private constructor(job: ShopJob, app: Application, made: AsyncDisposableStack) {
    this.job = job;
    this.app = app;
    this.#made = made;
  }

  /** The job has copied its tables; the application is not yet started. */
  static async begin({ limits, options, more }: ShopMoveOptions): Promise<ShopMove> {
    await using made = new AsyncDisposableStack();
    const mysql = made.use(await ShopJob.servers());
    const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-way-'));
    made.defer(() => rmSync(dir, { recursive: true, force: true }));
    const switchFile = path.join(dir, 'way');
    const open = `echo $RESHARD_WAY >> ${switchFile}`;
    const cutover = (name: string) => ({
      ...{ back: {}, probe: APP, ids: 'application', open },
      limits: { lockSeconds: 1, drainSeconds: 20, ...limits },
      ...more?.(name, mysql),
    });
    const job = made.use(
      await ShopJob.prepare({
        ...{ mysql, orders: 300, cutover },
        ...(options === undefined ? {} : { options }),
      }),
    );
    const { database } = job;
    made.defer(() => takeWrites(job));
    for (const server of serversOf(job)) {
      await using client = await LoadClient.open(server);
      await client.run(`CREATE USER ${APP.user}@'%' IDENTIFIED BY '${APP.password}'`);
      await client.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO ${APP.user}@'%'`);
    }
    job.start(...SERVICES);
    await job.copied();
    const servers = { back: job.sources, over: job.targets };
    const app = made.use(
      new Application({ switchFile, servers, account: APP, database, clients: 4 }),
    );
    return new ShopMove(job, app, made.move());
  }

  /** A client of a server, with the application's account. */
  clientOf(server: MysqlServer | undefined): Promise<LoadClient> {
    if (server === undefined) throw new Error('no such server');
    return LoadClient.open({ ...server, ...APP }, this.job.database);
  }

  /** Gates that open by themselves are waited for. */
  async go(verb: 'cutover' | 'rollback'): Promise<CutoverRun> {
    const args = [this.job.jobFile, '--yes', '--json', '--wait', '60'];
    const { code, out, err } = await callReshard(verb, ...args);
    const { run = null, error, gates = [] } = out === '' ? {} : JSON.parse(out);
    const shut = gates.filter((g: { state: string }) => g.state !== 'open');
    expect(code, `${err} ${error} ${JSON.stringify(shut)}`).toBe(0);
    const steps = run.steps.map((s: { step: string; tookMs: number }) => `${s.step} ${s.tookMs}`);
    console.log(`${verb}: ${run.stopMs} ms; ${steps}`);
    return run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }
}

function serversOf({ sources, targets }: ShopJob): MysqlServer[] {
  return [...sources, ...targets];
}

/** Also of those that a cutover has frozen. */
async function takeWrites(job: ShopJob): Promise<void> {
  for (const server of serversOf(job)) {
    await using client = await LoadClient.open(server);
    for (const name of ['super_read_only', 'read_only']) {
      await client.run(`SET GLOBAL ${name} = OFF`);
      await client.run(`RESET PERSIST IF EXISTS ${name}`);
    }
    await client.run(`ALTER USER IF EXISTS ${APP.user}@'%' ACCOUNT UNLOCK`);
  }
}
