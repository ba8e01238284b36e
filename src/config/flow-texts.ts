import type { Flow, TokenCall } from '../flows/flow.ts';
import type { Path } from './issues.ts';

/** A call of a flow. `path`: its place in the flow; `refresh`: it is one of a refresh. */
export interface PlacedCall {
  readonly path: Path;
  readonly kind: 'login' | 'refresh';
  readonly call: TokenCall;
}

/** The calls of a flow. One that is alone has no index in its place. */
export function callsOf(flow: Flow): PlacedCall[] {
  return (['login', 'refresh'] as const).flatMap((kind) =>
    (flow[kind] ?? []).map((call, index, all) => ({ path: all.length === 1 ? [kind] : [kind, index], kind, call })),
  );
}
