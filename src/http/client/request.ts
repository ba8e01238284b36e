import type { RequestBody } from '../message.ts';

/** A request ready to go out: everything in it has been checked and rebuilt by us. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /**
   * Names and values in turn; without Connection, Content-Length and Transfer-Encoding, which belong to the connection.
   */
  readonly headers: readonly string[];
  readonly body: RequestBody;
}
