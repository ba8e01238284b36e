import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { waitForDrain } from '../../src/http/client/socket.ts';

const PIECE = Buffer.alloc(256 * 1024, 0x61);

/** An upstream for large bodies: `/base/down/<bytes>` sends so many, `/base/up` counts what it gets. Keeps nothing. */
export class VolumeServer {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** Bytes of body received since the last request began. */
  received = 0;

  constructor() {
    this.#server = createServer((socket) => this.#converse(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen({ host: '127.0.0.1', port: 0 });
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #converse(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#open.delete(socket));
    let head = '';
    let left = -1;
    socket.on('data', (bytes: Buffer) => {
      let body = bytes;
      if (left < 0) {
        head += bytes.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end === -1) return;
        body = bytes.subarray(bytes.length - (head.length - end - 4));
        left = Number(/content-length: *(\d+)/i.exec(head.slice(0, end))?.[1] ?? 0);
        this.received = 0;
      }
      left -= body.length;
      this.received += body.length;
      if (left > 0) return;
      const down = Number(/ \/base\/down\/(\d+)/.exec(head)?.[1] ?? 2);
      head = '';
      left = -1;
      void send(socket, down);
    });
  }
}

async function send(socket: Socket, bytes: number): Promise<void> {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${bytes}\r\n\r\n`);
  for (let left = bytes; left > 0 && !socket.destroyed; left -= PIECE.length) {
    if (!socket.write(left >= PIECE.length ? PIECE : PIECE.subarray(0, left))) await waitForDrain(socket);
  }
}
