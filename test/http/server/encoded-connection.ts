import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { encodeRawTargets } from '../../../src/http/server/raw-targets.ts';
import { MemorySocket } from '../../fuzz/targets/memory-socket.ts';

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  body: string;
  complete: boolean;
}

/** A connection that node:http reads behind `encodeRawTargets`, without a network. */
export class EncodedConnection {
  readonly socket = new MemorySocket();
  /** What node:http made of its bytes. */
  readonly requests: ReadRequest[] = [];
  /** The bytes that its parser got. Latin-1. */
  passed = '';
  /** Why the parser refused them. */
  refusal: string | undefined;

  /** `onRequest` is called first. The body is read and the request is responded to, or it is left as it is. */
  constructor(onRequest: (request: IncomingMessage, socket: MemorySocket) => true | 'unread' = () => true) {
    const server = createServer({ requireHostHeader: false }, (request, response) => {
      const one: ReadRequest = {
        method: request.method!,
        target: request.url!,
        fields: request.rawHeaders,
        body: '',
        complete: false,
      };
      this.requests.push(one);
      if (onRequest(request, this.socket) === 'unread') return;
      request
        .setEncoding('latin1')
        .on('data', (piece: string) => (one.body += piece))
        .on('end', () => {
          one.complete = true;
          response.end();
        });
    });
    server.on('clientError', (error: NodeJS.ErrnoException) => (this.refusal ??= error.code));
    server.on('upgrade', (request: IncomingMessage) => onRequest(request, this.socket));
    server.emit('connection', this.socket);
    // One more reader beside node:http's own.
    this.socket.on('data', (bytes: Buffer) => (this.passed += bytes.toString('latin1')));
    encodeRawTargets(this.asSocket);
  }

  get asSocket(): Socket {
    return this.socket.asSocket;
  }

  /** Bytes from the client. */
  async receive(bytes: Buffer | string): Promise<void> {
    // Once the stream flows, it passes bytes on at once: a reader that throws fails this call, and not the process.
    if (this.socket.bytesRead === 0) await turns();
    this.socket.receive(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    await turns();
  }

  async receiveAll(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) await this.receive(piece);
  }
}

/** As many turns of the event loop as a piece needs to get through a stream. */
export async function turns(): Promise<void> {
  for (let left = 2; left > 0; left -= 1) await new Promise((resolve) => void setImmediate(resolve));
}
