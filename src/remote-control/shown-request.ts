/** A request as `active`, `reserved`, `scheduled` and `query_task` answer it (Celery's `Request.info()`, WIRE 10.4). */
import type { HeldRequest } from './command.js';

export interface ShownRequest {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly type: string;
  readonly hostname: string;
  readonly time_start: number | null;
  readonly acknowledged: boolean;
  readonly delivery_info: Readonly<Record<string, unknown>>;
  readonly worker_pid: number | null;
}

/** @param values - `repr` gives the arguments as texts: safe to show whatever they are. */
export function showRequest(request: HeldRequest, nodename: string, values: 'plain' | 'repr'): ShownRequest {
  const { exchange, routingKey, priority, redelivered } = request.deliveryInfo;
  return {
    id: request.id,
    name: request.name,
    args: values === 'repr' ? request.argsRepr : request.args,
    kwargs: values === 'repr' ? request.kwargsRepr : request.kwargs,
    type: request.type,
    hostname: nodename,
    time_start: request.startedAtMs === null ? null : request.startedAtMs / 1000,
    acknowledged: request.acknowledged,
    delivery_info: { exchange, routing_key: routingKey, priority, redelivered },
    worker_pid: request.workerPid,
  };
}
