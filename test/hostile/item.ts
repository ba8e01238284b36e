import type { Pieces } from './pieces.ts';

/** What the upstream has to have seen of a request that passes. */
export interface Passage {
  readonly method: string;
  /** As the caller wrote it; on the way the route's prefix is replaced by the upstream's base path. */
  readonly target: string;
  readonly has?: readonly (readonly [name: string, value: string])[];
  /** Names no field may have, in any spelling. */
  readonly lacks?: readonly string[];
  readonly body?: string;
}

/** A caller's bytes: classes A to C, and what must pass. */
export interface RequestItem {
  readonly id: string;
  readonly about: string;
  readonly send: Pieces;
  /**
   * `refuse`: an answer of the proxy's own or a closed connection, and nothing upstream. A list: exactly these
   * requests.
   */
  readonly fate: 'refuse' | readonly Passage[];
  /** Refused with this status and no other. */
  readonly status?: number;
  /** The caller closes its side after the last piece: the message is cut off. */
  readonly cut?: boolean;
}

/** An upstream's reply: class D. */
export interface ReplyItem {
  readonly id: string;
  readonly about: string;
  readonly reply: Pieces;
  /** The request it answers; a GET unless it says otherwise. */
  readonly request?: { readonly method: string; readonly body?: number };
  /** The upstream answers before it has read the request's body. */
  readonly early?: boolean;
  /** What comes behind the reply spoils the connection: it must not be used again. */
  readonly spoils?: boolean;
  /**
   * `relay`: whole and unchanged. `fail`: 502 or 504 of the proxy's own, or a connection visibly cut. `either`: one of
   * the two, for what the standard leaves open.
   */
  readonly fate: 'relay' | 'fail' | 'either';
  readonly status?: number;
  readonly body?: string;
  readonly has?: readonly (readonly [name: string, value: string])[];
  readonly lacks?: readonly string[];
}

/** A reply that is looked into for the words that mean a dead token: class E. */
export interface InspectionItem {
  readonly id: string;
  readonly about: string;
  readonly flow: 'chatapp' | 'softline';
  readonly method?: string;
  readonly reply: Pieces;
  readonly fate: 'renew' | 'no-renew';
}

/** A token endpoint's reply: class F. */
export interface TokenItem {
  readonly id: string;
  readonly about: string;
  /** Which call gets it: the first login, or the refresh after it. */
  readonly call: 'login' | 'refresh';
  readonly reply: Pieces;
  /**
   * `refused` for a refresh: followed by a login. `failed`: the call is made once more while the caller waits, and
   * nothing of this reply goes upstream. `waits`: it took too long or asked to be left alone, so it is tried again
   * later.
   */
  readonly fate: 'granted' | 'refused' | 'failed' | 'waits';
  /** What the upstream sees after `Bearer`. */
  readonly token?: string;
  /** The refresh token that has to be spent next; undefined: not looked at. */
  readonly nextRefresh?: string;
}
