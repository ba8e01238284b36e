import { TokenwardError } from '../errors.ts';
import type { Token } from '../tokens/token.ts';
import type { Attach } from './flow.ts';
import { fillString, fitsCookie, fitsHeader, placeholdersIn } from './template.ts';

/** Where the token goes on a request: at most one of the two is set. */
export interface Attachment {
  /** Lower-case name and the value to send; replaces whatever the caller sent under that name. */
  readonly header?: readonly [name: string, value: string];
  /** `name=value` to add to the query. */
  readonly query?: string;
  /** `name=value` to add to the caller's cookies. */
  readonly cookie?: string;
}

/** What a token adds to a request. */
export type TokenAttacher = (token: Token) => Attachment;

/** Prepares the attachment of one flow; the last token's is remembered: it is made once per token, not per request. */
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

/** The same for a flow whose accounts share a route, so that tokens take turns. */
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
 * The one name that an attached value stands for: `token`, or in a flow with a fixed token the credential that it is.
 * Undefined: none, or several.
 */
export function attachedName(attach: Attach): string | undefined {
  const names = new Set(placeholdersIn(attach.value).map(({ name }) => name));
  return names.size === 1 ? [...names][0] : undefined;
}

/** True if a request can carry this token unharmed in this way. A query can carry anything, being percent-encoded. */
export function attachable(attach: Attach, secret: string): boolean {
  return 'query' in attach || ('header' in attach ? fitsHeader : fitsCookie)(attachedValue(attach, secret));
}

/** The flow and its account see to it that there is one placeholder, whatever it is called. */
function attachedValue({ value }: Attach, secret: string): string {
  return fillString(value, Object.fromEntries(placeholdersIn(value).map(({ name }) => [name, secret])));
}

/** Throws a TokenwardError for a token that cannot be attached: one that came before the flow was what it is now. */
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
  // As it is: RFC 6265 servers do not decode, and signed or base64 session ids would break.
  return (token) => ({ cookie: `${name}=${value(token)}` });
}
