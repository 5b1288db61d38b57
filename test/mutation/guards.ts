/**
 * The guards that keep data right, each with the edit that turns it off and the tests that must
 * then fail. `find` stands exactly once in the file: a guard that moves away fails the proof.
 */
import { CHECKER_GUARDS } from './guards/checker.ts';
import { COMPARISON_GUARDS } from './guards/comparison.ts';
import { CONTROL_GUARDS } from './guards/control.ts';
import { CUTOVER_GUARDS } from './guards/cutover.ts';
import { DDL_GUARDS } from './guards/ddl.ts';
import { DOCUMENT_GUARDS } from './guards/document.ts';
import { DROP_COLUMN_GUARDS } from './guards/drop-column.ts';
import { FENCE_GUARDS } from './guards/fence.ts';
import { FORECAST_GUARDS } from './guards/forecast.ts';
import type { Guard } from './guards/guard.ts';
import { HANDOVER_GUARDS } from './guards/handover.ts';
import { KEY_GUARDS } from './guards/key.ts';
import { KIND_GUARDS } from './guards/kind.ts';
import { LOG_GUARDS } from './guards/log.ts';
import { PAGE_GUARDS } from './guards/page.ts';
import { PLAN_GUARDS } from './guards/plan.ts';
import { PRIORITY_GUARDS } from './guards/priority.ts';
import { RESUMED_GUARDS } from './guards/resumed.ts';
import { ROUTE_GUARDS } from './guards/route.ts';
import { SCHEDULE_GUARDS } from './guards/schedule.ts';
import { SCOPE_GUARDS } from './guards/scope.ts';
import { SCRIPT_GUARDS } from './guards/script.ts';
import { SINK_GUARDS } from './guards/sink.ts';
import { STREAM_GUARDS } from './guards/stream.ts';
import { STREAM_CHANGE_GUARDS } from './guards/stream-changes.ts';
import { STREAM_WANT_GUARDS } from './guards/stream-wants.ts';
import { TARGET_LOG_GUARDS } from './guards/target-log.ts';
import { THROTTLE_GUARDS } from './guards/throttle.ts';
import { TRACE_GUARDS } from './guards/trace.ts';
import { TRANSACTION_GUARDS } from './guards/transaction.ts';
import { TREE_GUARDS } from './guards/tree.ts';
import { TYPE_GUARDS } from './guards/type.ts';
import { WAY_BACK_GUARDS } from './guards/way-back.ts';
import { WIDEN_GUARDS } from './guards/widen.ts';

export const GUARDS: Guard[] = [
  ...LOG_GUARDS,
  ...TRANSACTION_GUARDS,
  ...TRACE_GUARDS,
  ...DDL_GUARDS,
  ...PLAN_GUARDS,
  ...WIDEN_GUARDS,
  ...DROP_COLUMN_GUARDS,
  ...KEY_GUARDS,
  ...ROUTE_GUARDS,
  ...KIND_GUARDS,
  ...SINK_GUARDS,
  ...DOCUMENT_GUARDS,
  ...CONTROL_GUARDS,
  ...CUTOVER_GUARDS,
  ...FENCE_GUARDS,
  ...FORECAST_GUARDS,
  ...HANDOVER_GUARDS,
  ...WAY_BACK_GUARDS,
  ...COMPARISON_GUARDS,
  ...CHECKER_GUARDS,
  ...RESUMED_GUARDS,
  ...SCOPE_GUARDS,
  ...SCRIPT_GUARDS,
  ...PAGE_GUARDS,
  ...SCHEDULE_GUARDS,
  ...STREAM_GUARDS,
  ...STREAM_CHANGE_GUARDS,
  ...PRIORITY_GUARDS,
  ...STREAM_WANT_GUARDS,
  ...TARGET_LOG_GUARDS,
  ...THROTTLE_GUARDS,
  ...TREE_GUARDS,
  ...TYPE_GUARDS,
];
