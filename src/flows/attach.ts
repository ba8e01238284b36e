import type { Attach } from './flow.ts';
import type { Token } from '../tokens/token.ts';

/** Where the token goes on a request: at most one of the two is set. */
export interface Attachment {
  /** Lower-case name and the value to send; replaces whatever the caller sent under that name. */
  readonly header?: readonly [name: string, value: string];
  /** `name=value` to add to the query. */
  readonly query?: string;
  /** `name=value` to add to the caller's cookies. */
  readonly cookie?: string;
}

/** Prepares the attachment of one flow; the last token's is remembered, so that it is made once per token, not per request. */
export function attacher(attach: Attach): (token: Token) => Attachment {
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

function makerOf(attach: Attach): (token: Token) => Attachment {
  // split and join: a token may hold "$", which means something in String.replace.
  const value = (token: Token): string => attach.value.split('{token}').join(token.reveal());
  if ('header' in attach) {
    const name = attach.header;
    return (token) => ({ header: [name, value(token)] });
  }
  if ('query' in attach) {
    const name = encodeURIComponent(attach.query);
    return (token) => ({ query: `${name}=${encodeURIComponent(value(token))}` });
  }
  const name = attach.cookie;
  return (token) => ({ cookie: `${name}=${encodeURIComponent(value(token))}` });
}
