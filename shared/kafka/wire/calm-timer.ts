/**
 * kafkajs starts a timer with a negative delay after every answer when nothing waits to be sent,
 * and Node warns of the first one (TimeoutNegativeWarning). With nothing pending there is nothing
 * to check, so the timer is not started. The cause is taken away where it is; no warning is hidden,
 * and every program that loads kafkajs behind this is quiet, however it was started.
 */
import { createRequire } from 'node:module';

interface RequestQueueClass {
  prototype: { scheduleCheckPendingRequests: (this: { pending: unknown[] }) => void };
}

const METHODS = ['scheduleCheckPendingRequests', 'push', 'maybeThrottle'];
let isCalm = false;

/** False if the installed kafkajs is not the one that this was written for. */
export function calmTimer(): boolean {
  if (isCalm) return true;
  const require = createRequire(import.meta.url);
  const queue: unknown = require('kafkajs/src/network/requestQueue');
  if (!isQueueClass(queue)) return false;
  const original = queue.prototype.scheduleCheckPendingRequests;
  queue.prototype.scheduleCheckPendingRequests = function checked(this) {
    if (this.pending.length > 0) original.call(this);
  };
  isCalm = true;
  return true;
}

function isQueueClass(x: unknown): x is RequestQueueClass {
  if (typeof x !== 'function') return false;
  const prototype: unknown = x.prototype;
  if (typeof prototype !== 'object' || prototype === null) return false;
  return METHODS.every(name => typeof Reflect.get(prototype, name) === 'function');
}
