import type { Socket } from 'node:net';
import type { TokenwardError } from '../../errors.ts';
import type { RequestHandler } from './exchange.ts';
import type { Tunnels } from './tunnels.ts';
import type { UpgradeHandler } from './upgrade.ts';

/** The limits of a server, and the handlers that are not Express. */
export interface ServerLimits {
  /** Limit on a request's header section. Bytes. */
  readonly headerBytes: number;
  /** Called for every request that the parser refuses. */
  readonly onRefused?: (error: TokenwardError, requestId: string, socket: Socket) => void;
  /** Serves ordinary requests before Express and node:http. */
  readonly fastEngine?: RequestHandler | undefined;
  /** Makes it a forward proxy. Undefined: CONNECT is refused. */
  readonly tunnels?: Tunnels | undefined;
  /** Answers requests for another protocol. Undefined: no route allows one. */
  readonly upgrades?: UpgradeHandler | undefined;
}
