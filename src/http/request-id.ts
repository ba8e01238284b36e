import { randomBytes } from 'node:crypto';

/** The field that carries a request's id, both ways. */
export const REQUEST_ID = 'x-request-id';

/**
 * What is taken over from a client: letters, digits and a little punctuation, which no log, header field or terminal
 * reads as anything else, and no more of it than UUIDs, ULIDs and trace ids need.
 */
const ACCEPTED = /^[A-Za-z0-9][A-Za-z0-9._:=+-]{0,63}$/;

/** Random for each process, so that ids are unique without a random number for each request. */
const PREFIX = `${randomBytes(6).toString('hex')}-`;
/** Counted from here, all are of one length for the first two thousand million. */
let last = 36 ** 5;

/** An id that no other request has. */
export function newRequestId(): string {
  last += 1;
  return PREFIX + last.toString(36);
}

/** A request's id. `sent`: the client's own, which is taken over if it is acceptable. */
export function requestIdOf(sent: unknown): string {
  return isRequestId(sent) ? sent : newRequestId();
}

/** Whether a text of another party can be used as an id. */
export function isRequestId(text: unknown): text is string {
  return typeof text === 'string' && ACCEPTED.test(text);
}
