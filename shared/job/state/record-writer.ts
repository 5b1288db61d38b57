/**
 * Who writes which record of the state topic. Each record has one writer:
 *
 * | record                            | written by                                              |
 * | --------------------------------- | ------------------------------------------------------- |
 * | identity, term, prepare, job,     | control, the one that leads: under the fence of the     |
 * | start/*, plan/*, proof/*, run/*,  | job's transactional id, so one that has lost its lease  |
 * | recopied/*, applied/*, throttle,  | can write nothing any more                              |
 * | cutover-run, rehearsals,          |                                                         |
 * | comparison, checkpoint/*,         |                                                         |
 * | handover-run                      |                                                         |
 * | drop                              | `reshard drop`, which takes that fence over             |
 * | verify/*, order/*, recopy/*,      | a command, each time a record of its own under an id of |
 * | apply/*, growth/*, skip/*,        | its own: nobody writes it twice                         |
 * | cutover/*                         |                                                         |
 * | verify/* of a run or the schedule,| control, which removes them when they are settled       |
 * | repair/* of a run                 |                                                         |
 * | pause/<reason>                    | whoever pauses and lifts that reason                    |
 * | retune/*                          | a command; control removes what it has carried out      |
 *
 * Control answers a request in a record of its own (recopied, applied), never in the request.
 */
import type { RecordCodec } from '../../codec/record-codec.ts';
import type { KafkaLog } from '../../kafka/kafka.ts';
import { tailTable } from '../../kafka/table.ts';
import { stateTopic } from '../../kafka/topic-name.ts';
import { wholeRecord } from '../../kafka/wire/record-slices.ts';
import { ReshardError } from '../../runtime/error.ts';
import type { Job } from '../job.ts';
import type { CutoverRequest } from './cutover.ts';
import type { GrowthRequest, SkipRequest } from './ddl-request.ts';
import { type ApplyRequest, type RecopyRequest, type StateRecord, stateKey } from './job-view.ts';
import type { RepairOrder } from './repair-run.ts';
import type { Pause, RetuneRequest } from './throttle.ts';
import type { VerifyRequest } from './verify-request.ts';

const COMMAND_KINDS = [
  'verify/',
  'repair/',
  'order/',
  'recopy/',
  'apply/',
  'growth/',
  'skip/',
  'cutover/',
  'pause/',
  'retune/',
];

export function isOfCommands(key: string): boolean {
  return COMMAND_KINDS.some(kind => key.startsWith(kind));
}

/** What a record of any kind has besides what it says. */
export const NO_RECORD: StateRecord = { job: null, start: null, plan: null, verify: null };

export interface WriterDeps {
  kafka: KafkaLog;
  job: Job;
  codec: RecordCodec<StateRecord>;
}

/** The latest record of every key, whosever it is. */
export async function readRecords(o: WriterDeps): Promise<Map<string, StateRecord>> {
  const { kafka, job, codec } = o;
  const records = new Map<string, StateRecord>();
  const tail = await tailTable(kafka, stateTopic(job.job), (key, value) => {
    if (value === null) records.delete(key.toString());
    else records.set(key.toString(), codec.decode(value));
  });
  try {
    await tail.caughtUp;
  } finally {
    await tail.close();
  }
  return records;
}

/** Control's hand on the state topic. */
export interface ControlWriter {
  /** Names the job in each record from now on. */
  jobId: string;
  /** The latest record of every key; nobody but us can add one of control's any more. */
  read(): Promise<Map<string, StateRecord>>;
  /** Resolves with the record's offset when it is durable. */
  put(key: string, record: Partial<StateRecord>): Promise<number>;
  remove(key: string): Promise<number>;
  close(): void;
}

/** One id for the life of a job's name: opening it fences the control before. */
export function controlTransactionalId(job: string): string {
  return `reshard.${job}.control`;
}

export async function controlWriter({ kafka, job, codec }: WriterDeps): Promise<ControlWriter> {
  const topic = stateTopic(job.job);
  const transactionalId = controlTransactionalId(job.job);
  const writer = await kafka.transactionalWriter({ transactionalId });
  let turn: Promise<unknown> = Promise.resolve();
  const commit = async (name: string, value: Buffer | null): Promise<number> => {
    writer.append(topic, 0, wholeRecord(Buffer.from(name), value, Date.now()));
    const { offsets } = await writer.commit();
    const next = offsets[0]?.next;
    if (next === undefined) throw new ReshardError('bug', 'a state record was not committed');
    return next - 1;
  };
  // One transaction at a time, in the order of the calls.
  const queued = (name: string, value: Buffer | null): Promise<number> => {
    const done = turn.then(() => commit(name, value));
    turn = done.catch(() => {});
    return done;
  };
  const hand: ControlWriter = {
    jobId: '',
    read: () => readRecords({ kafka, job, codec }),
    put(key, record) {
      return queued(key, codec.encode({ ...NO_RECORD, ...record, jobId: hand.jobId }));
    },
    remove(key) {
      return queued(key, null);
    },
    close: () => writer.close(),
  };
  return hand;
}

/** A command's hand on the state topic: requests and pauses, nothing else. */
export interface RequestWriter {
  verify(request: VerifyRequest): Promise<void>;
  order(order: RepairOrder): Promise<void>;
  recopy(request: RecopyRequest): Promise<void>;
  apply(request: ApplyRequest): Promise<void>;
  growth(request: GrowthRequest): Promise<void>;
  skip(request: SkipRequest): Promise<void>;
  pause(pause: Pause): Promise<void>;
  lift(reason: string): Promise<void>;
  retune(request: RetuneRequest): Promise<void>;
  cutover(request: CutoverRequest): Promise<void>;
}

export async function requestWriter(o: WriterDeps & { jobId: string }): Promise<RequestWriter> {
  const { kafka, job, codec, jobId } = o;
  const topic = stateTopic(job.job);
  const writer = await kafka.writer();
  const send = async (name: string, value: Buffer | null): Promise<void> => {
    await writer.send(topic, 0, [{ key: Buffer.from(name), value }]);
  };
  const put = (name: string, record: Partial<StateRecord>): Promise<void> =>
    send(name, codec.encode({ ...NO_RECORD, ...record, jobId }));
  return {
    verify: verify => put(stateKey.verify(verify.id), { verify }),
    order: order => put(stateKey.order(order.id), { order }),
    recopy: recopy => put(stateKey.recopy(recopy.id), { recopy }),
    apply: apply => put(stateKey.apply(apply.id), { apply }),
    growth: growth => put(stateKey.growth(growth.id), { growth }),
    skip: skip => put(stateKey.skip(skip.id), { skip }),
    pause: pause => put(stateKey.pause(pause.reason), { pause }),
    lift: reason => send(stateKey.pause(reason), null),
    retune: retune => put(stateKey.retune(retune.id), { retune }),
    cutover: cutover => put(stateKey.cutover(cutover.id), { cutover }),
  };
}
