import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { say, type Pieces } from './pieces.ts';
import { RequestStream, type SeenRequest } from './strict-reader.ts';

/** One connection as the server's side sees it. */
export interface Conversation {
  readonly number: number;
  readonly socket: Socket;
  readonly stream: RequestStream;
  /** Requests read so far. */
  requests: number;
  /** Of them, those whose reply is out. */
  answered: number;
}

/** A complete request, and the conversation it came in. */
export interface Arrival {
  readonly request: SeenRequest;
  readonly conversation: Conversation;
}

/** Bytes that could not be read in one way only. */
export interface Fault {
  readonly what: string;
  readonly bytes: Buffer;
}

/** What a request is answered with; undefined: not at all. */
export type Answerer = (arrival: Arrival) => Pieces | undefined;

/**
 * A server on bare sockets that remembers every byte it is sent. It reads with the strict reader, never with a library:
 * what it saw is the judgement. Requests of one connection are answered in turn, as by any server.
 */
export class RawServer {
  readonly #server: Server;
  readonly #open = new Map<Socket, Conversation>();
  #count = 0;
  answerer: Answerer;
  /** Called with the bytes so far of a request that is not complete; pieces to answer it all the same. */
  early: ((head: string) => Pieces | undefined) | undefined;
  /** All since the last `mark`. */
  bytes = 0;
  arrivals: Arrival[] = [];
  faults: Fault[] = [];

  constructor(answerer: Answerer) {
    this.answerer = answerer;
    this.#server = createServer({ noDelay: true }, (socket) => this.#converse(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 });
    await once(this.#server, 'listening');
    return this.port;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Forgets what came so far. */
  mark(): void {
    this.bytes = 0;
    this.arrivals = [];
    this.faults = [];
  }

  /** Connections on which bytes came that have no answer yet. */
  get unanswered(): number {
    return [...this.#open.values()].filter(
      ({ requests, answered, stream }) => requests > answered || stream.rest.length > 0,
    ).length;
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Ends all connections, so that what one item left there is not found by the next. */
  cut(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #converse(socket: Socket): void {
    const conversation: Conversation = {
      number: (this.#count += 1),
      socket,
      stream: new RequestStream(),
      requests: 0,
      answered: 0,
    };
    this.#open.set(socket, conversation);
    let turn = Promise.resolve();
    let earlyDone = false;
    const answer = (pieces: Pieces): void => {
      turn = turn
        .then(() => say(socket, pieces))
        .then(() => {
          conversation.answered += 1;
        });
    };
    socket.on('error', () => undefined);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      this.bytes += bytes.length;
      if (earlyDone) return;
      const before = conversation.stream.fault;
      for (const request of conversation.stream.feed(bytes)) {
        conversation.requests += 1;
        const arrival: Arrival = { request, conversation };
        this.arrivals.push(arrival);
        const pieces = this.answerer(arrival);
        if (pieces !== undefined) answer(pieces);
      }
      const { fault, rest } = conversation.stream;
      if (fault !== undefined && before === undefined) {
        this.faults.push({ what: fault, bytes: Buffer.from(rest.subarray(0, 400)) });
        // As any server would.
        answer(['HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n']);
        void turn.then(() => socket.end());
      } else if (this.early !== undefined && rest.length > 0) {
        const pieces = this.early(rest.toString('latin1', 0, 2_000));
        if (pieces === undefined) return;
        // An upstream that has said its word stops reading.
        earlyDone = true;
        socket.pause();
        answer(pieces);
      }
    });
  }
}

/** A plain reply that says which request it belongs to. */
export function echo({ request }: Arrival): Pieces {
  const body = request.method === 'HEAD' ? '' : `${request.method} ${request.target}`;
  return [`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`];
}
