import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { say, type Pieces } from './pieces.ts';
import { readReply, type SeenReply } from './strict-reply-reader.ts';

/** What became of waiting for an answer. */
export type Observed =
  | { readonly kind: 'answer'; readonly answer: SeenReply }
  | { readonly kind: 'closed' }
  | { readonly kind: 'silence' }
  | { readonly kind: 'nonsense' };

/** A caller's connection, by hand. */
export class Caller {
  readonly socket: Socket;
  readonly #under: Socket;
  readonly #onData: (bytes: Buffer) => void;
  #bytes: Buffer = Buffer.alloc(0);
  #closed = false;
  #wake: (() => void) | undefined;

  /** On a connection that is there already, such as one in a tunnel. `under`: the connection that carries it. */
  constructor(socket: Socket, under = socket) {
    this.socket = socket;
    this.#under = under;
    const wake = (): void => this.#wake?.();
    this.#onData = (bytes) => {
      this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
      wake();
    };
    socket.on('data', this.#onData);
    // How it ended, the bytes tell.
    socket.on('error', () => undefined);
    const over = (): void => {
      this.#closed = true;
      wake();
    };
    socket.on('end', over).on('close', over);
  }

  /** `tls`: the listener speaks TLS, with whatever certificate. */
  static async open({ port, tls }: { readonly port: number; readonly tls: boolean }): Promise<Caller> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    if (!tls) {
      const caller = new Caller(socket);
      await once(socket, 'connect');
      return caller;
    }
    socket.on('error', () => undefined);
    const secure = connectTls({ socket, servername: 'proxy', rejectUnauthorized: false });
    const caller = new Caller(secure, socket);
    await once(secure, 'secureConnect');
    return caller;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes heard and not yet taken as an answer. */
  get rest(): Buffer {
    return this.#bytes;
  }

  say(pieces: Pieces): Promise<void> {
    return say(this.socket, pieces, this.#under);
  }

  /** The next answer, as far as one comes in time. */
  async answer(method: string, most: number): Promise<Observed> {
    const deadline = Date.now() + most;
    for (;;) {
      try {
        const answer = readReply(this.#bytes, method, this.#closed);
        if (answer !== undefined) {
          this.#bytes = this.#bytes.subarray(answer.size);
          return { kind: 'answer', answer };
        }
      } catch {
        return { kind: 'nonsense' };
      }
      if (this.#closed) return { kind: 'closed' };
      if (!(await this.#news(deadline - Date.now()))) return { kind: 'silence' };
    }
  }

  /** The status of the next head; it is taken, and what follows it is not. Undefined: none came in time. */
  async head(most: number): Promise<number | undefined> {
    const deadline = Date.now() + most;
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end !== -1) {
        const status = /^HTTP\/1\.1 (\d{3}) /.exec(this.#bytes.toString('latin1', 0, end))?.[1];
        if (status === undefined) return undefined;
        // A refusal has a body, and is read whole.
        if (status === '200') this.#bytes = this.#bytes.subarray(end + 4);
        return Number(status);
      }
      if (this.#closed || !(await this.#news(deadline - Date.now()))) return undefined;
    }
  }

  /** Lets the connection go, for somebody else who reads it; with what was heard and not taken. */
  release(): Socket {
    const { socket } = this;
    socket.off('data', this.#onData).pause();
    if (this.#bytes.length > 0) socket.unshift(this.#bytes);
    return socket;
  }

  /** True if the other side closes within so many ms. */
  async closesWithin(most: number): Promise<boolean> {
    const deadline = Date.now() + most;
    while (!this.#closed) if (!(await this.#news(deadline - Date.now()))) return false;
    return true;
  }

  hangUp(): void {
    this.socket.destroy();
  }

  /** True if something came before the time was over. */
  #news(most: number): Promise<boolean> {
    if (most <= 0) return Promise.resolve(false);
    return new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), most);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    }).then((news) => {
      this.#wake = undefined;
      return news;
    });
  }
}
