import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { DetachedConnection } from '../upgraded-pair.ts';

/**
 * A request as `node:http` reads it, whose body can bypass the stream's queue and events: for a small POST they cost
 * more than the rest of the body handling. With a `bodySink`, it gets the pieces, and null at the end; the stream gets
 * the end only.
 */
export interface BodyStream extends IncomingMessage {
  bodySink: ((piece: Buffer | null) => void) | undefined;
  /** Bytes of the body received so far. */
  readonly receivedBytes: number;
}

/** Where a request's body comes from: no body, complete in memory, or still arriving. */
export type BodySource = 'none' | Buffer | BodyStream;

/** A client's request, from either engine. */
export interface InboundRequest {
  readonly httpVersion: string;
  readonly method?: string | undefined;
  url?: string | undefined;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: string[];
  readonly socket: Socket;
  /** The whole message has arrived. */
  readonly complete: boolean;
  /** The same fields, byte for byte, have been validated before: see FieldBlock. */
  validated: boolean;
  /** The protocol that the client asks for instead of HTTP/1.1; undefined: an ordinary request. */
  readonly upgradeTo?: string | undefined;
  /** The client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** The client takes trailer fields (RFC 9110 §10.1.4). The fast engine has no such requests. */
  readonly takesTrailers?: boolean;
  readonly bodySource: BodySource;
  /** The value of a field; `name` in lower case. Repeated fields are combined as node:http does. */
  field(name: string): string | string[] | undefined;
  /** Reads and drops the rest of the body. `done`: it has ended, or the connection has. */
  discardBody(done: () => void): void;
}

/** The response to a client: the part of node:http's ServerResponse that the request path needs. */
export interface OutboundResponse {
  readonly statusCode: number;
  readonly headersSent: boolean;
  /** All of it was passed to the system. */
  readonly writableFinished: boolean;
  /** Bytes the system has not taken yet. */
  readonly writableLength: number;
  /** Nothing more can be sent. */
  readonly destroyed: boolean;
  /** Null: the connection is closed. */
  readonly socket: Socket | null;
  /** Sends 100 Continue (RFC 9110 §10.1.1). The fast engine has no such requests. */
  writeContinue?(): void;
  /** `headers`: names and values in turn. Connection and framing fields are added. */
  writeHead(status: number, reason: string, headers: string[]): unknown;
  /** Sends 101 with these fields, and leaves the connection. Only a response to `upgradeTo` has it. */
  switchProtocols?(headers: readonly string[]): DetachedConnection;
  /** Sent behind the last chunk; names and values. Only a response to `takesTrailers` has it. */
  addTrailers?(fields: readonly [string, string][]): void;
  flushHeaders(): void;
  /** False: pause until `drain`. */
  write(chunk: Buffer, written?: (error: Error | null | undefined) => void): boolean;
  end(chunk?: Buffer | string): unknown;
  /** Cuts the connection. */
  destroy(): unknown;
  /** `close`: finished, or cut. */
  on(event: 'close' | 'drain', listener: () => void): unknown;
}

/** Handles a client's request. Never throws. */
export type RequestHandler = (request: InboundRequest, response: OutboundResponse) => void;
