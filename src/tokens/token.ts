import { inspect } from 'node:util';

/**
 * Longest token that is believed: one with a long list of groups comes near it. Upstreams take headers of 8 to 64 KiB.
 */
export const MAX_TOKEN_LENGTH = 16_384;

/**
 * Whether a text can be a token: it goes into a header, so it is visible ASCII (a CR LF in it would be a header of its
 * own).
 */
export function isTokenText(text: string): boolean {
  return text.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(text);
}

/** What a login or refresh brought, before it has a generation. Times are wall-clock milliseconds. */
export interface Grant {
  readonly secret: string;
  /** Absent: the endpoint sent none, and the previous one stays in use (RFC 6749 §6). */
  readonly refreshSecret: string | undefined;
  /**
   * Seconds the access token lives, counted from receipt; undefined: the endpoint did not say and the flow sets no
   * default.
   */
  readonly lifetime: number | undefined;
  /** Seconds the refresh token lives, counted from receipt. */
  readonly refreshLifetime: number | undefined;
}

/** The parts of a token that may be shown to an operator. */
export interface TokenFacts {
  readonly generation: number;
  readonly obtainedAt: number;
  readonly expiresAt: number | undefined;
  readonly refreshExpiresAt: number | undefined;
}

/**
 * One access token with its refresh token: an immutable value that cannot be printed.
 * The secrets sit in #private fields, which JSON, util.inspect, structuredClone and object spread do not see;
 * `reveal…` are the only doors, called where a request is built or the record is sealed.
 */
export class Token implements TokenFacts {
  readonly generation: number;
  /** Wall clock, ms. */
  readonly obtainedAt: number;
  /** Wall clock, ms; undefined = lives until refused. */
  readonly expiresAt: number | undefined;
  readonly refreshExpiresAt: number | undefined;
  /**
   * The same end on this process's monotonic clock: whichever clock says "over" first wins, so a clock set back cannot
   * prolong a token.
   */
  readonly deadline: number;
  readonly #secret: string;
  readonly #refreshSecret: string | undefined;

  constructor(facts: TokenFacts & { deadline: number }, secret: string, refreshSecret: string | undefined) {
    this.generation = facts.generation;
    this.obtainedAt = facts.obtainedAt;
    this.expiresAt = facts.expiresAt;
    this.refreshExpiresAt = facts.refreshExpiresAt;
    this.deadline = facts.deadline;
    this.#secret = secret;
    this.#refreshSecret = refreshSecret;
    Object.freeze(this);
  }

  /** The access token itself, to put on a request. */
  reveal(): string {
    return this.#secret;
  }

  /** The refresh token itself, to spend it or to seal it. */
  revealRefresh(): string | undefined {
    return this.#refreshSecret;
  }

  get hasRefresh(): boolean {
    return this.#refreshSecret !== undefined;
  }

  /** The same access token, its refresh token forgotten because it is spent. */
  withoutRefresh(): Token {
    return new Token(this, this.#secret, undefined);
  }

  toJSON(): TokenFacts {
    return {
      generation: this.generation,
      obtainedAt: this.obtainedAt,
      expiresAt: this.expiresAt,
      refreshExpiresAt: this.refreshExpiresAt,
    };
  }

  toString(): string {
    return `[token generation ${this.generation}]`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
