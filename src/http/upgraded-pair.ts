import type { Socket } from 'node:net';
import { releaseAfterWrite } from './free-buffer.ts';
import type { Watched } from './stall-watchdog.ts';
import { closeFrame, FrameReader } from './websocket-frames.ts';

/** A connection that has left HTTP/1.1, with the bytes of its new protocol that have been read already. */
export interface DetachedConnection {
  readonly socket: Socket;
  readonly early: readonly Buffer[];
  /** The other side has closed its half. */
  readonly ended: boolean;
}

/**
 * Who ended an upgraded connection. `client`, `upstream`: that side closed first; `client_lost`, `upstream_lost`: its
 * connection broke; `idle`: no byte for too long; `shutdown`: this process stops.
 */
export const UPGRADE_ENDS = ['client', 'upstream', 'client_lost', 'upstream_lost', 'idle', 'shutdown'] as const;
export type UpgradeEnd = (typeof UPGRADE_ENDS)[number];

/** Bytes relayed. */
export interface ByteCounts {
  toUpstream: number;
  toClient: number;
}

interface PairOptions {
  readonly client: DetachedConnection;
  readonly upstream: DetachedConnection;
  /** The protocol has close frames. */
  readonly webSocket: boolean;
  /** The counts of the route, which grow with the connection's own. */
  readonly counts: ByteCounts;
  onEnd(end: UpgradeEnd): void;
  /** It has stalled, and still takes bytes: it is to be watched again. */
  onSlow(pair: Watched): void;
}

/** RFC 6455 §7.4.1. */
const GOING_AWAY = 1001;
/** How long both sides may take to answer a close frame, or to close, before they are cut. ms. */
export const CLOSE_MS = 3_000;
/** How long one side may take to read what was sent to it, once the other has gone. ms. */
const LINGER_MS = 30_000;

type Side = 'client' | 'upstream';

/** Two connections of which each gets what the other sends. Neither is read faster than the other takes it. */
export class UpgradedPair implements Watched {
  idleTicks = 0;
  readonly bytes: ByteCounts = { toUpstream: 0, toClient: 0 };
  readonly #options: PairOptions;
  readonly #toUpstream: Flow;
  readonly #toClient: Flow;
  #end: UpgradeEnd | undefined;
  #open = 2;
  #timer: NodeJS.Timeout | undefined;
  #traffic = '';

  constructor(options: PairOptions) {
    const { client, upstream, webSocket, counts } = options;
    const { bytes } = this;
    this.#options = options;
    this.#toUpstream = new Flow(client.socket, upstream.socket, webSocket, true, (size) => {
      this.idleTicks = 0;
      bytes.toUpstream += size;
      counts.toUpstream += size;
    });
    this.#toClient = new Flow(upstream.socket, client.socket, webSocket, false, (size) => {
      this.idleTicks = 0;
      bytes.toClient += size;
      counts.toClient += size;
    });
    this.#adopt(client, 'client', this.#toUpstream, this.#toClient);
    this.#adopt(upstream, 'upstream', this.#toClient, this.#toUpstream);
    this.#toUpstream.start(client);
    this.#toClient.start(upstream);
  }

  /** Ends the connection: by a close frame to each side where the protocol has one, else by closing. */
  close(end: UpgradeEnd, code: number): void {
    this.#end ??= end;
    this.#cutAfter(CLOSE_MS);
    for (const flow of [this.#toUpstream, this.#toClient]) flow.close(code);
    this.#endAnswered();
  }

  /** Cuts both sides. */
  destroy(end: UpgradeEnd): void {
    this.#end ??= end;
    this.#options.client.socket.destroy();
    this.#options.upstream.socket.destroy();
  }

  onStall(): void {
    const { client, upstream, onSlow } = this.#options;
    // A side that takes its bytes slowly is not idle.
    const traffic = `${trafficOf(client.socket)} ${trafficOf(upstream.socket)}`;
    const moves = client.socket.writableLength + upstream.socket.writableLength > 0 && traffic !== this.#traffic;
    this.#traffic = traffic;
    if (moves) onSlow(this);
    else this.close('idle', GOING_AWAY);
  }

  #adopt({ socket }: DetachedConnection, side: Side, from: Flow, to: Flow): void {
    // A half-closed connection may go on in the other direction.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    // `close` follows.
    socket.on('error', () => undefined);
    socket.on('drain', () => to.resume());
    socket.on('end', () => {
      this.#note(side);
      from.ended();
    });
    socket.on('close', () => {
      this.#note(from.hasEnded ? side : `${side}_lost`);
      this.#open -= 1;
      if (this.#open === 0) {
        clearTimeout(this.#timer);
        this.#options.onEnd(this.#end!);
        return;
      }
      from.ended();
      const other = side === 'client' ? this.#options.upstream.socket : this.#options.client.socket;
      // What it has been sent still arrives.
      other.destroySoon();
      this.#cutAfter(LINGER_MS);
    });
    from.onClosing = () => {
      this.#note(side);
      this.#endAnswered();
    };
  }

  #note(end: UpgradeEnd): void {
    this.#end ??= end;
  }

  /** Once each side has got our close frame and sent one, its connection has nothing more to carry. */
  #endAnswered(): void {
    const { client, upstream } = this.#options;
    if (this.#toClient.sealed && this.#toUpstream.closes) client.socket.end();
    if (this.#toUpstream.sealed && this.#toClient.closes) upstream.socket.end();
  }

  #cutAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.destroy('shutdown'), ms);
  }
}

/** One direction of a pair. */
class Flow {
  /** Our close frame has been sent, or the sender's own: what follows is dropped. */
  sealed = false;
  hasEnded = false;
  /** Called when the sender's close frame comes. */
  onClosing: (() => void) | undefined;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #frames: FrameReader | undefined;
  readonly #masked: boolean;
  readonly #count: (size: number) => void;
  #closed = false;
  /** The code of the close frame that is sent behind the frame that has begun. */
  #code: number | undefined;

  constructor(from: Socket, to: Socket, webSocket: boolean, masked: boolean, count: (size: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#frames = webSocket ? new FrameReader() : undefined;
    this.#masked = masked;
    this.#count = count;
  }

  /** The sender has sent a close frame. */
  get closes(): boolean {
    return this.#closed;
  }

  start({ early, ended }: DetachedConnection): void {
    for (const bytes of early) this.#pass(bytes);
    if (ended) {
      this.ended();
      return;
    }
    this.#from.on('data', (bytes: Buffer) => this.#pass(bytes));
    if (!this.#to.writableNeedDrain) this.#from.resume();
  }

  resume(): void {
    this.#from.resume();
  }

  /** The sender has closed its half. */
  ended(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#to.end();
  }

  /** Ends this direction, between two frames. */
  close(code: number): void {
    if (this.sealed || this.#code !== undefined || this.hasEnded) return;
    if (this.#frames === undefined) {
      this.sealed = true;
      this.#to.end();
    } else if (this.#closed) {
      this.sealed = true;
    } else {
      this.#code = code;
      if (this.#frames.betweenFrames) this.#seal(code);
    }
    // Its bytes are not taken any more, so that none keeps its answer from being read.
    this.#from.resume();
  }

  #pass(bytes: Buffer): void {
    const frames = this.#frames;
    if (frames === undefined) {
      if (!this.sealed) this.#write(bytes);
      return;
    }
    const code = this.#code;
    if (code !== undefined && !this.sealed) {
      const end = frames.read(bytes, true);
      if (end > 0) this.#write(bytes.subarray(0, end));
      if (frames.betweenFrames) this.#seal(code);
      frames.read(bytes.subarray(end));
    } else {
      frames.read(bytes);
      if (!this.sealed) this.#write(bytes);
    }
    if (frames.closes && !this.#closed) {
      this.#closed = true;
      this.onClosing?.();
    }
  }

  #seal(code: number): void {
    this.sealed = true;
    if (this.#to.writable && this.#frames?.closes !== true) this.#to.write(closeFrame(code, this.#masked));
  }

  #write(bytes: Buffer): void {
    this.#count(bytes.length);
    if (!this.#to.writable) return;
    if (!this.#to.write(bytes, releaseAfterWrite(bytes))) this.#from.pause();
  }
}

/** A fingerprint of what a connection has read and the system has taken of what was written. */
function trafficOf(socket: Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }): string {
  return `${socket.bytesRead} ${socket.bytesWritten} ${socket._handle?.writeQueueSize ?? 0}`;
}
