import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** An egress proxy behind which every host is an echo. It remembers for whom it was asked, and what it was sent. */
export class EgressServer {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** Targets of CONNECT, since the last `mark`. */
  asked: string[] = [];
  /** Bytes sent through the tunnels, likewise. */
  bytes = 0;

  constructor() {
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#converse(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen({ host: '127.0.0.1', port: 0 });
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  mark(): void {
    this.asked = [];
    this.bytes = 0;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #converse(socket: Socket): void {
    this.#open.add(socket);
    let head = '';
    let isTunnel = false;
    socket.on('error', () => undefined).on('close', () => this.#open.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      if (isTunnel) {
        this.bytes += bytes.length;
        socket.write(bytes);
        return;
      }
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      isTunnel = true;
      this.asked.push(/^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1] ?? head);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
    });
  }
}
