import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { PlainRequest } from './fast/request.ts';

/**
 * A request as `node:http` read it, whose body can be had as the parser finds it, past the stream's queue and its events:
 * for a small POST they cost more than all else about its body. While there is a `taker`, it gets the pieces, and null at
 * the end; the stream gets the end alone.
 */
export interface StreamedRequest extends IncomingMessage {
  taker: ((piece: Buffer | null) => void) | undefined;
  /** Bytes of the body that have come. */
  readonly received: number;
}

/** A request of a caller: a plain one, which is all here, or whatever else `node:http` takes for one. */
export type CallerRequest = PlainRequest | StreamedRequest;

/** The value of a header field; `name` in lower case. Sent more than once, what node:http makes of that. */
export function field(request: CallerRequest, name: string): string | string[] | undefined {
  return request instanceof PlainRequest ? request.field(name) : request.headers[name];
}

/** What is said to a caller: as much of node:http's ServerResponse as the request path needs. */
export interface CallerAnswer {
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
export type RequestHandler = (request: CallerRequest, answer: CallerAnswer) => void;
