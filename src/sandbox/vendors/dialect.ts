import type http from 'node:http';
import type { z } from 'zod';
import type { CustomAnswer, Json } from '../answer.ts';
import type { Exchange } from '../http.ts';
import type { CommonKnobs, RefreshKnobs } from '../knobs.ts';
import type { Outcome, VendorName } from '../ledger.ts';
import type { SecretMaker } from '../secrets.ts';
import type { Pair, Verdict } from '../tokens.ts';

/** A refusal, and what the ledger calls it. */
export interface Refusal {
  readonly refused: CustomAnswer;
  readonly outcome: Extract<Outcome, 'refused' | 'invalid'>;
  readonly reason: string;
}

/** Right credentials. */
export interface Grant {
  /** Whose token it will be. */
  readonly owner: string;
  /** Lifetime asked for in the call, where the vendor lets the caller ask. */
  readonly ttlSeconds?: number | undefined;
}

/** A refresh call that is well formed. */
export interface RefreshRequest {
  readonly secret: string;
  readonly ttlSeconds?: number | undefined;
}

/** An API call the vendor understood: what it answers, and whether it did something. */
export interface ApiAnswer {
  readonly answer: CustomAnswer;
  readonly applied: boolean;
  readonly outcome?: 'ok' | 'invalid' | 'not-found';
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
  readonly refresh: 'new' | 'same' | 'omit' | 'empty';
}

/**
 * All that sets one vendor apart: where its calls are, what they look like, and how it says no.
 */
export interface Dialect<K extends CommonKnobs, C> {
  readonly name: VendorName;
  /** Paths below it are API paths; outside it there is nothing. */
  readonly apiPrefix: string;
  /** What can be set, and to what. */
  readonly knobs: z.ZodObject;
  /** The knobs as they start. */
  readonly initial: K;
  readonly accessTtlSeconds: number;
  readonly refreshTtlSeconds: number;
  /** The refresh knobs, or null where there is no refresh call. */
  refreshKnobs(knobs: K): RefreshKnobs | null;
  /** Is this a login or refresh? Path and service decide, then the method. */
  tokenCall(x: Exchange): 'login' | 'refresh' | null;
  login(x: Exchange, body: Buffer, accounts: readonly C[], knobs: K): Grant | Refusal;
  readRefresh(x: Exchange, body: Buffer, knobs: K): RefreshRequest | Refusal;
  /** The name a credential's tokens go by, and its quota key. */
  ownerOf(credentials: C): string;
  mint(maker: SecretMaker, minting: Minting, knobs: K): { access: string; refresh: string };
  pairBody(pair: Pair, style: PairStyle): Json;
  deadRefresh(status: number): CustomAnswer;
  overQuota(knobs: K): CustomAnswer;
  /** The access token in a request, or null when there is none where this vendor looks. */
  accessSecret(req: http.IncomingMessage): string | null;
  deadToken(verdict: Verdict, status: number): CustomAnswer;
  rateLimited(): CustomAnswer;
  notFound(): CustomAnswer;
  /** The vendor's own calls; null when the path is none of them. */
  api(x: Exchange, body: Buffer): ApiAnswer | null;
  /** Wraps a success body in the vendor's envelope. */
  wrap(body: Json): Json;
}
