import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Pod } from './pod.ts';

/**
 * A Service as kube-proxy makes it: a new connection goes to one of the ready pods, and stays there whatever becomes of
 * the pod's readiness. Without a ready pod it is refused.
 */
export class Service {
  readonly #pods: ReadonlySet<Pod>;
  readonly #open = new Set<Socket>();
  readonly #server: Server;
  #turn = 0;
  /** Connections for which no pod was ready. */
  refused = 0;

  private constructor(pods: ReadonlySet<Pod>) {
    this.#pods = pods;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** On a free port of 127.0.0.1. `pods` may change meanwhile. */
  static async start(pods: ReadonlySet<Pod>): Promise<Service> {
    const service = new Service(pods);
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }

  #accept(client: Socket): void {
    const ready = [...this.#pods].filter(({ isInService }) => isInService);
    const pod = ready[this.#turn++ % Math.max(1, ready.length)];
    if (pod === undefined) {
      this.refused += 1;
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(pod.port, '127.0.0.1');
    const other = new Map([
      [client, upstream],
      [upstream, client],
    ]);
    for (const [socket, peer] of other) {
      this.#open.add(socket);
      socket.setNoDelay();
      socket.on('error', () => peer.resetAndDestroy());
      socket.on('close', () => {
        this.#open.delete(socket);
        peer.destroy();
      });
      socket.pipe(peer);
    }
  }
}
