/**
 * How large a request a broker takes (socket.request.max.bytes, 100 MB unless set). Above it the
 * broker closes the connection without an answer, which looks like a network that fails again and
 * again: so it is asked before a request that may be too large, and the refusal says what to do.
 */
import { ReshardError } from '../../runtime/error.ts';
import type { Cluster } from './cluster.ts';
import { CODE } from './error-code.ts';
import { API, body } from './wire-format.ts';

const SETTING = 'socket.request.max.bytes';
const BROKER_RESOURCE = 4;
/** Brokers are not set below this: smaller requests are sent without a question. */
const SURELY_TAKEN_BYTES = 48 * 1024 * 1024;
/** What is in a produce request besides its batches, at most, for one topic. */
const REQUEST_OVERHEAD_BYTES = 4096;

/** Throws `too-large` if the node would not take a request with so many bytes of batches. */
export async function refuseTooLarge(
  cluster: Cluster,
  node: number,
  purpose: string,
  bytes: number,
): Promise<void> {
  if (bytes < SURELY_TAKEN_BYTES) return;
  const limit = await requestBytesMax(cluster, node, purpose);
  const needed = bytes + REQUEST_OVERHEAD_BYTES;
  if (needed <= limit) return;
  throw new ReshardError('too-large', `a batch of ${bytes} bytes is above a broker's limit`, {
    context: { node, limit, setting: SETTING },
    remedy:
      `put \`${SETTING}=${roundUp(needed)}\` or more into server.properties of each broker and ` +
      'restart it, then restart this service',
  });
}

/** Infinity when the account may not ask. */
async function requestBytesMax(cluster: Cluster, node: number, purpose: string): Promise<number> {
  const request = body(w => {
    w.i32(1).i8(BROKER_RESOURCE).string(`${node}`);
    w.array([SETTING], name => w.string(name)).i8(0);
  });
  const r = await cluster.ask(node, purpose, API.describeConfigs, request);
  r.i32();
  let limit = Number.POSITIVE_INFINITY;
  r.array(() => {
    const code = r.i16();
    r.nullableString();
    r.i8();
    r.string();
    r.array(() => {
      const name = r.string();
      const value = r.nullableString();
      r.skip(3);
      r.array(() => r.skip(0));
      if (code === CODE.NONE && name === SETTING && value !== null) limit = Number(value);
    });
  });
  return limit;
}

function roundUp(bytes: number): number {
  const mega = 1024 * 1024;
  return Math.ceil((bytes * 1.25) / mega) * mega;
}
