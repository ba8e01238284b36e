import { TokenwardError } from '../errors.ts';
import type { Token } from '../tokens/token.ts';
import type { Attach } from './flow.ts';
import { fillString, fitsCookie, fitsHeader, placeholdersIn } from './template.ts';

/** Where the token goes in a request: exactly one is set. */
export interface Attachment {
  /** Lower-case name and the value to send; replaces the client's field of that name. */
  readonly header?: readonly [name: string, value: string];
  /** `name=value` to add to the query. */
  readonly query?: string;
  /** `name=value` to add to the client's cookies. */
  readonly cookie?: string;
}

/** What a token adds to a request. */
export type TokenAttacher = (token: Token) => Attachment;

/**
 * Makes the attachments of one flow. The last token's is remembered, so that one is made per token, not per request.
 */
export function attacher(attach: Attach): TokenAttacher {
  const make = makerOf(attach);
  let last: Token | undefined;
  let made: Attachment = {};
  return (token) => {
    if (token !== last) {
      made = make(token);
      last = token;
    }
    return made;
  };
}

/** The same for a flow whose accounts share a route, so that tokens alternate. */
export function attacherOfMany(attach: Attach): (token: Token) => Attachment {
  const make = makerOf(attach);
  const made = new WeakMap<Token, Attachment>();
  return (token) => {
    let attachment = made.get(token);
    if (attachment === undefined) made.set(token, (attachment = make(token)));
    return attachment;
  };
}

/**
 * The one placeholder in the attached value: `token`, or in a flow with a fixed token the credential that holds it.
 * Undefined: none, or several.
 */
export function attachedName(attach: Attach): string | undefined {
  const names = new Set(placeholdersIn(attach.value).map(({ name }) => name));
  return names.size === 1 ? [...names][0] : undefined;
}

/** True if a request can carry this token unchanged. A query can carry anything, because it is percent-encoded. */
export function attachable(attach: Attach, secret: string): boolean {
  return 'query' in attach || ('header' in attach ? fitsHeader : fitsCookie)(attachedValue(attach, secret));
}

/** The checks of flow and account ensure that there is one placeholder, whatever its name. */
function attachedValue({ value }: Attach, secret: string): string {
  return fillString(value, Object.fromEntries(placeholdersIn(value).map(({ name }) => [name, secret])));
}

/** Throws a TokenwardError for a token that cannot be attached: one obtained before the flow was changed. */
function makerOf(attach: Attach): (token: Token) => Attachment {
  const value = (token: Token): string => {
    const secret = token.reveal();
    if (!attachable(attach, secret))
      throw new TokenwardError('token_unavailable', {
        detail: `the token holds characters that a ${'cookie' in attach ? 'cookie' : 'header'} cannot carry`,
      });
    return attachedValue(attach, secret);
  };
  if ('header' in attach) {
    const name = attach.header;
    return (token) => ({ header: [name, value(token)] });
  }
  if ('query' in attach) {
    const name = encodeURIComponent(attach.query);
    return (token) => ({ query: `${name}=${encodeURIComponent(value(token))}` });
  }
  const name = attach.cookie;
  // Not encoded: RFC 6265 servers do not decode, and signed or base64 session ids would break.
  return (token) => ({ cookie: `${name}=${value(token)}` });
}
