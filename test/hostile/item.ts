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

/** A client of the forward proxy: class T. In its texts, `{proxy}` and `{operator}` are the ports of the subject. */
export interface TunnelItem {
  readonly id: string;
  readonly about: string;
  /** `open` asks nobody for a key. `keyed` does, and reaches other hosts through an egress proxy. */
  readonly subject: 'open' | 'keyed';
  readonly send: Pieces;
  /** What the client does in its tunnel. Undefined: `send` is all, and no tunnel may come of it. */
  readonly inside?: Inside;
  /**
   * `refuse`: a response of the proxy's own or a closed connection. `end`: a closed connection, whatever was said
   * before. `echo`: the tunnel leads out, and what is sent comes back. A list: exactly these requests. But for the last
   * two, nothing reaches an upstream.
   */
  readonly fate: 'refuse' | 'end' | 'echo' | readonly Passage[];
  readonly status?: number;
  /** The client closes its side after the last piece. */
  readonly cut?: boolean;
  /** Not also behind a good request: it is about what is within the tunnel. */
  readonly once?: boolean;
  /** It ends by a time limit of ten seconds. */
  readonly slow?: boolean;
}

/** `raw`: bytes instead of a handshake. `plain`: HTTP without TLS, on port 80. */
export type Inside = { readonly raw: Pieces } | { readonly plain: Pieces } | TlsInside;

export interface TlsInside {
  readonly tls: {
    /** Null: the client names no server. */
    readonly servername?: string | null;
    /** The only version that the client speaks. */
    readonly version?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
    readonly alpn?: readonly string[];
    /** The first bytes travel one by one, so that the handshake's first message is cut anywhere. */
    readonly bytewise?: boolean;
    /** So many times, one after the other. */
    readonly renegotiate?: number;
    /** The handshake must fail. */
    readonly fails?: boolean;
  };
  readonly send: Pieces;
}
