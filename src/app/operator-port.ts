import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LoadedConfig } from '../config/load.ts';
import { drain } from '../http/server/drain.ts';
import { createExpress } from '../http/server/express.ts';
import { listen } from '../http/server/listen.ts';
import { createHttpServer } from '../http/server/server.ts';
import type { Logger } from '../log.ts';
import { OperatorAccess } from '../operator/access.ts';
import type { ConfigControl } from '../operator/config-status.ts';
import { createOperatorApp } from '../operator/routes.ts';
import { createStartingApp } from '../operator/starting.ts';
import type { OperatorView } from '../operator/view.ts';
import type { Clock } from '../tokens/clock.ts';
import type { InheritedSockets } from './inherited-sockets.ts';

interface OperatorPortParts {
  readonly log: Logger;
  readonly clock?: Clock | undefined;
  /** Listening sockets that the process was started with. */
  readonly sockets?: InheritedSockets | undefined;
  /** What the start waits for; undefined: nothing yet. */
  readonly reason?: () => string | undefined;
}

type Express = ReturnType<typeof createExpress>;
type Operator = LoadedConfig['operator'];

/**
 * The operator port. It listens before anything else of the program, so that health checks get an answer however long
 * the start takes.
 */
export class OperatorPort {
  readonly #parts: OperatorPortParts;
  readonly #server: Server;
  readonly #outer: Express;
  #inner: (request: IncomingMessage, response: ServerResponse) => void;
  #address!: AddressInfo;

  private constructor(operator: Operator, parts: OperatorPortParts) {
    this.#parts = parts;
    this.#outer = createExpress();
    this.#outer.use((request, response) => this.#inner(request, response));
    this.#server = createHttpServer(this.#outer, { headerBytes: 16 * 1024 });
    this.#inner = this.#mounted(createStartingApp(new OperatorAccess(operator, parts.clock), parts.reason));
  }

  /** Listens; until `show` only health checks are answered. Rejects with a ListenError. */
  static async open(operator: Operator, parts: OperatorPortParts): Promise<OperatorPort> {
    const opened = new OperatorPort(operator, parts);
    const { host, port } = operator;
    const fd = parts.sockets?.portOf(host, port, 'operator');
    opened.#address = await listen(opened.#server, host, port, 'operator', fd);
    return opened;
  }

  get address(): AddressInfo {
    return this.#address;
  }

  /** The start is over, or what waits is behind this view. `config`: undefined if it cannot be reloaded. */
  show(view: OperatorView, operator: Operator, config?: ConfigControl): void {
    const { log, clock } = this.#parts;
    const access = new OperatorAccess(operator, clock);
    this.#inner = this.#mounted(createOperatorApp({ view, log, access, config, ...(clock && { clock }) }));
  }

  /** Requests in flight have up to `graceMs` to end. */
  close(graceMs = 0): Promise<void> {
    return drain(this.#server, graceMs);
  }

  /** Requests have the prototypes of the outer application: see createHttpServer. */
  #mounted(app: Express): Express {
    app.request = this.#outer.request;
    app.response = this.#outer.response;
    return app;
  }
}
