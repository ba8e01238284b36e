import type { RequestBody } from '../message.ts';

/** A request ready to send. All of it has been validated and rebuilt. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn, without Connection, Content-Length and Transfer-Encoding, which the connection adds. */
  readonly headers: readonly string[];
  readonly body: RequestBody;
  /** The client takes trailer fields of the response. Default: no. */
  readonly takesTrailers?: boolean | undefined;
  /** Takes the fields of a 103 Early Hints, names and values in turn. Default: it is left out. */
  readonly onEarlyHints?: ((headers: string[]) => void) | undefined;
}
