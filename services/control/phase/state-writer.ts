/**
 * Control's writes as the leader sees them: a record is put under the fence, and then waited for
 * in the view. So the next decision is made by a state that holds the last one, and everything that
 * the control before has written.
 */
import type { JobView, StateRecord } from '../../../shared/job/state/job-view.ts';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { stateCodec } from '../../../shared/job/state/open.ts';
import { controlWriter } from '../../../shared/job/state/record-writer.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';

export interface StateWriter extends AsyncDisposable {
  put(key: string, record: Partial<StateRecord>): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Fences the control before us and brings the view up to what it has written. */
export async function leadingWriter(
  c: Pick<ServiceContext, 'kafka' | 'job' | 'registry' | 'member'> & { view: JobView },
  signal: AbortSignal,
): Promise<StateWriter> {
  const { kafka, job, registry, view, member } = c;
  const writer = await controlWriter({ kafka, job, codec: await stateCodec(registry, job) });
  writer.jobId = view.jobId;
  const seen = async (offset: number): Promise<void> => {
    await view.waitFor(() => view.offset >= offset, signal);
  };
  const put = async (key: string, record: Partial<StateRecord>): Promise<void> => {
    await seen(await writer.put(key, record));
  };
  const remove = async (key: string): Promise<void> => seen(await writer.remove(key));
  try {
    await put(stateKey.term, { term: { member, sinceMs: Date.now() } });
  } catch (e) {
    writer.close();
    throw e;
  }
  return { put, remove, [Symbol.asyncDispose]: async () => writer.close() };
}
