import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;

/** One frame, its payload unmasked. */
export interface Frame {
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

/** A frame as it travels. `masked`: as a client sends it. */
export function frame(opcode: number, payload: Buffer | string, masked: boolean): Buffer {
  const bytes = Buffer.from(payload);
  const length =
    bytes.length < 126
      ? [bytes.length]
      : bytes.length < 65_536
        ? [126, bytes.length >> 8, bytes.length & 255]
        : [127, 0, 0, 0, 0, ...Buffer.from(Uint32Array.of(bytes.length).buffer).reverse()];
  const head = Buffer.from([0x80 | opcode, (masked ? 0x80 : 0) | length[0]!, ...length.slice(1)]);
  if (!masked) return Buffer.concat([head, bytes]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, unmask(bytes, key)]);
}

export function closePayload(code: number): Buffer {
  return Buffer.from([code >> 8, code & 255]);
}

export function codeOf({ payload }: Frame): number {
  return payload.readUInt16BE(0);
}

function unmask(bytes: Buffer, key: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ key[i % 4]!));
}

/** Takes bytes apart into frames, however they were cut. */
export class Frames {
  #rest = Buffer.alloc(0);

  push(bytes: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const found: Frame[] = [];
    for (let one = this.#take(); one !== undefined; one = this.#take()) found.push(one);
    return found;
  }

  #take(): Frame | undefined {
    const all = this.#rest;
    if (all.length < 2) return undefined;
    const short = all[1]! & 127;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const masked = (all[1]! & 128) !== 0;
    const start = 2 + lengthBytes + (masked ? 4 : 0);
    if (all.length < start) return undefined;
    const length = lengthBytes === 0 ? short : all.readUIntBE(lengthBytes === 8 ? 4 : 2, lengthBytes === 8 ? 6 : 2);
    if (all.length < start + length) return undefined;
    const payload = all.subarray(start, start + length);
    this.#rest = all.subarray(start + length);
    return {
      opcode: all[0]! & 15,
      masked,
      payload: masked ? unmask(payload, all.subarray(start - 4, start)) : Buffer.from(payload),
    };
  }
}

export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** One handshake as the upstream of a test saw it, and its connection. */
export interface SeenHandshake {
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly socket: Socket;
  /** What came behind it. */
  readonly frames: Frame[];
  closed: boolean;
}

export interface WebSocketUpstream {
  readonly url: string;
  readonly handshakes: SeenHandshake[];
  /** Ordinary requests. */
  readonly requests: string[];
  close(): Promise<void>;
}

export interface WebSocketUpstreamOptions {
  /** Status and header fields of a refusal; undefined: agree. */
  readonly refuse?: (request: IncomingMessage) => string | undefined;
  /** Instead of an echo of every frame. */
  readonly serve?: (handshake: SeenHandshake) => void;
  /** Instead of the agreement. */
  readonly answer?: (request: IncomingMessage) => string;
  readonly tls?: ServerOptions;
}

/** An upstream that agrees to WebSockets and sends every frame back. */
export async function webSocketUpstream(options: WebSocketUpstreamOptions = {}): Promise<WebSocketUpstream> {
  const handshakes: SeenHandshake[] = [];
  const requests: string[] = [];
  const open = new Set<Socket>();
  const onRequest: RequestListener = (request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.end('fine');
  };
  const server = options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest);
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const seen = { target: request.url ?? '', headers: request.headers, socket, frames: [] as Frame[], closed: false };
    handshakes.push(seen);
    socket.on('close', () => (seen.closed = true));
    const refusal = options.refuse?.(request);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}`);
      return;
    }
    socket.write(options.answer?.(request) ?? agreement(request));
    if (options.serve !== undefined) {
      options.serve(seen);
      return;
    }
    const frames = new Frames();
    const take = (bytes: Buffer): void => {
      for (const one of frames.push(bytes)) {
        seen.frames.push(one);
        const full = !socket.write(frame(one.opcode, one.payload, false));
        if (one.opcode === CLOSE) socket.end();
        if (full) {
          socket.pause();
          socket.once('drain', () => socket.resume());
        }
      }
    };
    if (head.length > 0) take(head);
    socket.on('data', take).on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handshakes,
    requests,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

export function agreement(request: IncomingMessage, more = ''): string {
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptOf(String(request.headers['sec-websocket-key']))}\r\n${more}\r\n`
  );
}

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A handshake by hand. */
export function handshake(target: string, ...fields: readonly string[]): string {
  const head = [
    `GET ${target} HTTP/1.1`,
    'Host: proxy',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`,
    ...fields,
  ];
  return `${head.join('\r\n')}\r\n\r\n`;
}
