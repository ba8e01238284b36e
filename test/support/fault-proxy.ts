import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForDrain } from '../../src/http/client/socket.ts';

/** What a link does to one direction of a connection. Several can hold at once. */
export interface Flow {
  /** Each piece arrives so much later, ms, give or take `jitter`. */
  readonly latency?: number;
  readonly jitter?: number;
  /** Bytes per second. */
  readonly bandwidth?: number;
  /** Pieces of so many bytes, each in a packet of its own, for the first `sliced` bytes (default 4,096). */
  readonly slice?: number;
  readonly sliced?: number;
  /**
   * After so many bytes the connection ends: with a RST, with a plain end of both directions, or of this direction
   * alone.
   */
  readonly after?: number;
  readonly then?: 'reset' | 'cut' | 'half-close';
}

/** What a link does to the connections that pass it. */
export interface Fault {
  /** A new connection is refused (nobody listens), or accepted and reset at once. */
  readonly connect?: 'refuse' | 'reset';
  /** Nothing goes through, and nothing is said. What was sent arrives when the fault ends, as a lost packet would. */
  readonly blackHole?: boolean;
  /** From the side that connects to the other one: requests. */
  readonly out?: Flow;
  /** And back: replies. */
  readonly back?: Flow;
}

interface Pipe {
  readonly from: Socket;
  readonly to: Socket;
  readonly direction: 'out' | 'back';
  passed: number;
  /** Pieces are passed on one after the other. */
  queue: Promise<void>;
}

/**
 * A TCP link with faults: stands between any two that talk TCP and does to their connections what it is told. Knows
 * nothing of what it carries. A fault holds for the connections that exist as well as for new ones; what a connection
 * has been through already stays so when the fault ends.
 */
export class FaultProxy {
  readonly #target: { host: string; port: number };
  readonly #open = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #fault: Fault = {};
  /** Resolves when the present black hole ends. */
  #hole: { ended: Promise<void>; end: () => void } | undefined;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  static async start(target: string): Promise<FaultProxy> {
    const { hostname, port } = new URL(target);
    const proxy = new FaultProxy({ host: hostname, port: Number(port) });
    await proxy.#listen();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many connections pass at this moment, both of their halves counted. */
  get sockets(): number {
    return this.#open.size;
  }

  async set(fault: Fault): Promise<void> {
    this.#fault = fault;
    if (fault.blackHole === true && this.#hole === undefined) {
      let end!: () => void;
      const ended = new Promise<void>((resolve) => (end = resolve));
      this.#hole = { ended, end };
    }
    if (fault.blackHole !== true) {
      this.#hole?.end();
      this.#hole = undefined;
    }
    if (fault.connect === 'refuse') await this.#deafen();
    else await this.#listen();
  }

  /** Resets every connection there is. */
  drop(): void {
    for (const socket of this.#open) reset(socket);
  }

  /** All is well again. */
  clear(): Promise<void> {
    return this.set({});
  }

  async close(): Promise<void> {
    await this.clear();
    await this.#deafen();
    for (const socket of this.#open) socket.destroy();
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    // The same port again, so that whoever knows it finds the link as it was.
    server.listen({ host: '127.0.0.1', port: this.#port, backlog: 1_024 });
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Stops listening; what is connected stays connected. */
  async #deafen(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    // `close` stops listening at once; its callback would wait for the connections.
    server.close();
  }

  #accept(near: Socket): void {
    // What ends a connection shows as its close; the error itself says no more.
    near.on('error', () => undefined);
    if (this.#fault.connect === 'reset') {
      reset(near);
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    far.on('error', () => undefined);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(socket);
      socket.on('close', (hadError) => {
        this.#open.delete(socket);
        // Whoever hears a reset passes it on as one.
        if (hadError && !other.destroyed) reset(other);
        else if (!other.destroyed && other.writableEnded) other.destroySoon();
      });
    }
    this.#carry({ from: near, to: far, direction: 'out', passed: 0, queue: Promise.resolve() });
    this.#carry({ from: far, to: near, direction: 'back', passed: 0, queue: Promise.resolve() });
  }

  #carry(pipe: Pipe): void {
    pipe.from.on('data', (piece: Buffer) => {
      pipe.from.pause();
      pipe.queue = pipe.queue.then(() => this.#pass(pipe, piece)).then(() => void pipe.from.resume());
    });
    pipe.from.on('end', () => {
      pipe.queue = pipe.queue.then(async () => {
        await this.#hole?.ended;
        if (!pipe.to.destroyed) pipe.to.end();
      });
    });
  }

  async #pass(pipe: Pipe, piece: Buffer): Promise<void> {
    const { latency = 0, jitter = 0, bandwidth, slice, sliced = 4_096, after } = this.#fault[pipe.direction] ?? {};
    if (latency > 0) await sleep(Math.max(0, latency + jitter * (2 * Math.random() - 1)), undefined, { ref: false });
    if (after !== undefined && pipe.passed + piece.length >= after) {
      const rest = piece.subarray(0, Math.max(0, after - pipe.passed));
      if (rest.length > 0) await this.#write(pipe, rest);
      this.#end(pipe);
      return;
    }
    const size = bandwidth !== undefined ? Math.max(1, Math.floor(bandwidth / 20)) : (slice ?? piece.length);
    let at = 0;
    while (at < piece.length && !pipe.to.destroyed) {
      // Whoever is slow stops being slow when the fault ends.
      const still = this.#fault[pipe.direction];
      const inPieces =
        (still?.bandwidth !== undefined && bandwidth !== undefined) ||
        (still?.slice !== undefined && pipe.passed < sliced);
      const part = piece.subarray(at, inPieces ? at + size : piece.length);
      await this.#write(pipe, part);
      at += part.length;
      if (still?.bandwidth !== undefined && inPieces) await sleep(50, undefined, { ref: false });
      else if (inPieces) await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  }

  async #write(pipe: Pipe, bytes: Buffer): Promise<void> {
    await this.#hole?.ended;
    const { to } = pipe;
    if (to.destroyed || to.writableEnded) return;
    pipe.passed += bytes.length;
    if (!to.write(bytes)) await waitForDrain(to);
  }

  #end({ from, to, direction }: Pipe): void {
    const how = this.#fault[direction]?.then ?? 'cut';
    if (how === 'half-close') {
      to.end();
      return;
    }
    for (const socket of [from, to]) {
      if (how === 'reset') reset(socket);
      else socket.destroySoon();
    }
  }
}

/**
 * Ends a connection with a RST. One whose FIN is on its way cannot be reset any more: Node would keep its handle for
 * ever, and a process with nothing else left to do would turn in circles instead of ending.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
