/** The broker's error codes that we decide on, and what each of them allows us to do next. */
import { ReshardError } from '../../runtime/error.ts';

export const CODE = {
  UNKNOWN_SERVER_ERROR: -1,
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  UNSUPPORTED_VERSION: 35,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  INVALID_TRANSACTION_TIMEOUT: 50,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  OPERATION_NOT_ATTEMPTED: 55,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  PRODUCER_FENCED: 90,
  UNKNOWN_TOPIC_ID: 100,
  INCONSISTENT_TOPIC_ID: 103,
} as const;

const NAMES = new Map<number, string>(Object.entries(CODE).map(([name, code]) => [code, name]));

export function codeName(code: number): string {
  return NAMES.get(code) ?? `error code ${code}`;
}

/** The leader did not take the batch, or we cannot know: the same bytes may be sent again. */
const LEADER_TRANSIENT = new Set<number>([
  CODE.CORRUPT_MESSAGE,
  CODE.UNKNOWN_TOPIC_OR_PARTITION,
  CODE.LEADER_NOT_AVAILABLE,
  CODE.NOT_LEADER_OR_FOLLOWER,
  CODE.REQUEST_TIMED_OUT,
  CODE.REPLICA_NOT_AVAILABLE,
  CODE.NETWORK_EXCEPTION,
  CODE.NOT_ENOUGH_REPLICAS,
  CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  CODE.KAFKA_STORAGE_ERROR,
  CODE.FENCED_LEADER_EPOCH,
  CODE.UNKNOWN_LEADER_EPOCH,
  CODE.OFFSET_NOT_AVAILABLE,
  CODE.UNKNOWN_TOPIC_ID,
  CODE.INCONSISTENT_TOPIC_ID,
]);

export function isLeaderTransient(code: number): boolean {
  return LEADER_TRANSIENT.has(code);
}

/** The coordinator moved, is loading, or still completes our last transaction. */
const COORDINATOR_MOVED = new Set<number>([CODE.COORDINATOR_NOT_AVAILABLE, CODE.NOT_COORDINATOR]);
const COORDINATOR_BUSY = new Set<number>([
  CODE.COORDINATOR_LOAD_IN_PROGRESS,
  CODE.CONCURRENT_TRANSACTIONS,
  CODE.UNKNOWN_TOPIC_OR_PARTITION,
  CODE.REQUEST_TIMED_OUT,
]);

export function isCoordinatorMoved(code: number): boolean {
  return COORDINATOR_MOVED.has(code);
}

export function isCoordinatorBusy(code: number): boolean {
  return COORDINATOR_BUSY.has(code);
}

const FENCED = new Set<number>([
  CODE.INVALID_PRODUCER_EPOCH,
  CODE.PRODUCER_FENCED,
  CODE.INVALID_TXN_STATE,
  CODE.INVALID_PRODUCER_ID_MAPPING,
  CODE.UNKNOWN_PRODUCER_ID,
]);

const DENIED = new Set<number>([
  CODE.TOPIC_AUTHORIZATION_FAILED,
  CODE.GROUP_AUTHORIZATION_FAILED,
  CODE.CLUSTER_AUTHORIZATION_FAILED,
  CODE.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
]);

/** The error of a request that the broker refused for good. */
export function refused(
  what: string,
  code: number,
  context: Record<string, string | number | undefined> = {},
): ReshardError {
  const message = `the broker refused ${what}: ${codeName(code)}`;
  if (FENCED.has(code)) return new ReshardError('fenced', message, { context });
  if (code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE) {
    return new ReshardError('too-large', message, {
      context,
      remedy: 'raise max.message.bytes of the topic (and message.max.bytes of the brokers)',
    });
  }
  if (DENIED.has(code)) {
    return new ReshardError('denied', message, {
      context,
      remedy: 'grant the Kafka account this operation on the named resource',
    });
  }
  return new ReshardError('broker', message, { context });
}
