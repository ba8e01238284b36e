import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * A request as `node:http` read it, whose body can be had as the parser finds it, past the stream's queue and its
 * events: for a small POST they cost more than all else about its body. While there is a `taker`, it gets the pieces,
 * and null at the end; the stream gets the end alone.
 */
export interface BodyStream extends IncomingMessage {
  bodySink: ((piece: Buffer | null) => void) | undefined;
  /** Bytes of the body that have come. */
  readonly receivedBytes: number;
}

/** Where a request's body comes from: there is none, it is all here, or it is still on its way. */
export type BodySource = 'none' | Buffer | BodyStream;

/** A client's request, whichever engine has read it. */
export interface InboundRequest {
  readonly httpVersion: string;
  readonly method?: string | undefined;
  url?: string | undefined;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: string[];
  readonly socket: Socket;
  /** All of it is here. */
  readonly complete: boolean;
  /** Its fields have been found good before, byte for byte the same: see the engine. */
  validated: boolean;
  /** The client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  readonly bodySource: BodySource;
  /** The value of a field; `name` in lower case. Sent more than once, what node:http makes of that. */
  field(name: string): string | string[] | undefined;
  /** Reads what is left of the body and throws it away. `done`: there is no more of it, or it was cut. */
  discardBody(done: () => void): void;
}

/** What is said to a caller: as much of node:http's ServerResponse as the request path needs. */
export interface OutboundResponse {
  readonly statusCode: number;
  readonly headersSent: boolean;
  /** All of it was handed to the system. */
  readonly writableFinished: boolean;
  /** Bytes the system has not taken yet. */
  readonly writableLength: number;
  /** Nothing more can be said. */
  readonly destroyed: boolean;
  /** Null: the connection has gone. */
  readonly socket: Socket | null;
  /** Tells a caller who waits for it that the body is wanted (RFC 9110 §10.1.1). Plain requests never ask. */
  writeContinue?(): void;
  /** `headers`: names and values in turn. What frames the message on its connection is added. */
  writeHead(status: number, reason: string, headers: string[]): unknown;
  flushHeaders(): void;
  /** False: stop until `drain`. */
  write(chunk: Buffer, written?: (error: Error | null | undefined) => void): boolean;
  end(chunk?: Buffer | string): unknown;
  /** Cuts the connection. */
  destroy(): unknown;
  /** `close`: finished, or cut. */
  on(event: 'close' | 'drain', listener: () => void): unknown;
}

/** Answers a caller's request. Never throws. */
export type RequestHandler = (request: InboundRequest, response: OutboundResponse) => void;
