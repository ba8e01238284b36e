import type http from 'node:http';
import type { z } from 'zod';
import type { Exchange } from '../exchange.ts';
import type { Fields, Json } from '../json.ts';
import type { CustomResponse } from '../response.ts';
import type { CommonSettings, RefreshSettings } from '../settings.ts';
import type { Outcome, VendorName } from '../ledger.ts';
import type { Pair, Verdict } from '../tokens.ts';
import type { Operation } from './operations.ts';

/** A refusal, and what the ledger calls it. */
export interface Refusal {
  readonly refused: CustomResponse;
  readonly outcome: Extract<Outcome, 'refused' | 'invalid' | 'quota'>;
  readonly reason: string | null;
}

/** A login call that is well formed. */
export interface LoginRequest<C> {
  readonly credentials: C;
  /** Lifetime asked for in the call, where the vendor lets the caller ask. */
  readonly ttlSeconds?: number | undefined;
}

/** A refresh call that is well formed. */
export interface RefreshRequest {
  readonly secret: string;
  readonly ttlSeconds?: number | undefined;
}

/** What the secrets of a new pair are made from. */
export interface Minting {
  readonly owner: string;
  readonly nowMs: number;
  readonly accessEndsAt: number;
  readonly refreshEndsAt: number;
  /** False: the token itself must not tell how long it lives. */
  readonly lifetime: boolean;
}

/** How an answer with a pair is to be written. */
export interface PairStyle {
  readonly lifetime: boolean;
  /** What stands for the refresh token; undefined: nothing does. */
  readonly refreshToken: string | undefined;
}

/** What a vendor's settings hold at least; those of a refresh are missing where there is none. */
export type AnySettings = CommonSettings & Partial<RefreshSettings>;

/**
 * All that sets one vendor apart: where its calls are, what they look like, and how it says no.
 */
export interface Dialect<K extends AnySettings, C extends object> {
  readonly name: VendorName;
  /** What can be set, and to what. */
  readonly settings: z.ZodObject;
  /** The settings as they start. */
  readonly initial: K;
  readonly accessTtlSeconds: number;
  readonly refreshTtlSeconds: number;

  /** Where tokens come from, by POST only. */
  readonly tokenPaths: ReadonlyMap<string, 'login' | 'refresh'>;
  /** The one host they come from, where there are several. */
  readonly tokenService?: string;
  readLogin(x: Exchange, fields: Fields | undefined): LoginRequest<C> | Refusal;
  badCredentials(): CustomResponse;
  /** The refresh call, where there is one. */
  readonly refresh?: {
    read(x: Exchange, fields: Fields | undefined): RefreshRequest | Refusal;
    dead(): CustomResponse;
  };
  /** The name a credential's tokens go by, and its quota key. */
  ownerOf(credentials: C): string;
  mint(minting: Minting, settings: K): { access: string; refresh: string };
  pairBody(pair: Pair, style: PairStyle): Json;

  /** Paths below it are API paths; outside it there is nothing. */
  readonly apiPrefix: string;
  /** The vendor's own calls, by service. */
  readonly operations: Readonly<Record<string, readonly Operation[]>>;
  /** The access token in a request; undefined when there is none where this vendor looks. */
  accessSecret(req: http.IncomingMessage): string | undefined;
  deadToken(verdict: Exclude<Verdict, 'ok'>, status: number): CustomResponse;
  /** Refuses a body that no call of this vendor takes. */
  refuseBody?(x: Exchange, fields: Fields | undefined): CustomResponse | undefined;
  invalid(message: string): CustomResponse;
  tooMany(): CustomResponse;
  notFound(): CustomResponse;
  /** Wraps a success body in the vendor's envelope. */
  wrap(body: Json): Json;
}
