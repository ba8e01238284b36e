import type http from 'node:http';
import type { Exchange } from '../exchange.ts';
import type { Fields, Json } from '../json.ts';
import type { Outcome, VendorName } from '../ledger.ts';
import type { CustomResponse } from '../response.ts';
import type { Settings } from '../settings.ts';
import type { Pair, TokenRefusal } from '../tokens.ts';
import type { Operation } from './operations.ts';

/** A refusal, and what the ledger calls it. */
export interface Refusal {
  readonly refused: CustomResponse;
  readonly outcome: Extract<Outcome, 'refused' | 'invalid' | 'quota'>;
  readonly reason: string | null;
}

/** A login or refresh that is well formed. */
export interface TokenRequest<T> {
  /** The credentials, or the refresh token. */
  readonly presented: T;
  /** Lifetime asked for, where the vendor lets the client ask. */
  readonly ttlSeconds?: number | undefined;
}

/** What the secrets of a new pair are made from. Times are seconds since the epoch. */
export interface Minting {
  readonly owner: string;
  readonly iat: number;
  /** The end of either token; undefined: the token itself must not tell it. */
  readonly exp: number | undefined;
  readonly refreshExp: number | undefined;
}

/** How a response with a pair is to be written. */
export interface PairStyle {
  readonly lifetime: boolean;
  /** What stands for the refresh token; undefined: nothing does. */
  readonly refreshToken: string | undefined;
}

/** All that sets one vendor apart: where its operations are, what they look like, and how it says no. */
export interface Dialect<C extends object> {
  readonly name: VendorName;
  /** The settings that start in another way than usual. */
  readonly settings: Partial<Settings>;
  readonly accessTtlSeconds: number;
  readonly refreshTtlSeconds: number;

  /** Where tokens come from, by POST only. */
  readonly tokenPaths: ReadonlyMap<string, 'login' | 'refresh'>;
  /** The one host they come from, where there are several. */
  readonly tokenService?: string;
  readLogin(x: Exchange, fields: Fields | undefined): TokenRequest<C> | Refusal;
  readonly badCredentials: CustomResponse;
  readonly tooManyLogins: CustomResponse;
  /** The refresh, where there is one. */
  readonly refresh?: {
    read(x: Exchange, fields: Fields | undefined): TokenRequest<{ refreshToken: string }> | Refusal;
    readonly dead: CustomResponse;
  };
  /** The name that a credential's tokens go by, and its quota key. */
  ownerOf(credentials: C): string;
  mint(minting: Minting, settings: Settings): { access: string; refresh: string };
  pairBody(pair: Pair, style: PairStyle): Json;

  /** Paths below it are API paths; outside it there is nothing. */
  readonly apiPrefix: string;
  /** The vendor's own operations, by service. */
  readonly operations: Readonly<Record<string, readonly Operation[]>>;
  /** The access token in a request; undefined if there is none where this vendor looks. */
  accessSecret(req: http.IncomingMessage): string | undefined;
  deadToken(reason: TokenRefusal, status: number): CustomResponse;
  /** Refuses a body that no operation of this vendor takes. */
  refuseBody?(x: Exchange, fields: Fields | undefined): CustomResponse | undefined;
  invalid(message: string): CustomResponse;
  readonly notFound: CustomResponse;
  /** Wraps a success body in the vendor's envelope. */
  wrap(body: Json): Json;
}
