import { inspect } from 'node:util';

/**
 * Longest accepted token: one with a long list of groups comes near it. Upstreams accept header sections of 8 to 64
 * KiB.
 */
export const MAX_TOKEN_LENGTH = 16_384;

/**
 * Whether a text can be a token: it goes into a header field, so it is visible ASCII (a CR LF in it would begin another
 * field).
 */
export function isTokenText(text: string): boolean {
  return text.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(text);
}

/** What a login or refresh granted, before it has a generation. */
export interface Grant {
  readonly secret: string;
  /** Undefined: the endpoint sent none, and the previous one stays in use (RFC 6749 §6). */
  readonly refreshSecret: string | undefined;
  /**
   * Seconds the access token lives, counted from receipt; undefined: the endpoint did not say and the flow sets no
   * default.
   */
  readonly lifetime: number | undefined;
  /** Seconds the refresh token lives, counted from receipt. */
  readonly refreshLifetime: number | undefined;
  /** What else the response brought, by the flow's names: a host, a tenant, cookies. Kept with the token. */
  readonly values?: NamedValues;
}

/** Texts by name that belong to a token. They may be secret. */
export type NamedValues = Readonly<Record<string, string>>;

const NO_VALUES: NamedValues = {};

/** The parts of a token that may be shown to an operator. */
export interface TokenFacts {
  readonly generation: number;
  readonly obtainedAt: number;
  readonly expiresAt: number | undefined;
  readonly refreshExpiresAt: number | undefined;
}

/**
 * One access token with its refresh token: an immutable value that cannot be printed. The secrets are in #private
 * fields, which JSON, util.inspect, structuredClone and object spread do not see; only `reveal…` return them, where a
 * request is built or the record is sealed.
 */
export class Token implements TokenFacts {
  readonly generation: number;
  /** Wall clock, ms. */
  readonly obtainedAt: number;
  /** Wall clock, ms; undefined: usable until it is rejected. */
  readonly expiresAt: number | undefined;
  readonly refreshExpiresAt: number | undefined;
  /**
   * The expiry on this process's monotonic clock, ms: the clock that expires the token first counts, so a clock set
   * back cannot prolong it.
   */
  readonly deadline: number;
  readonly #secret: string;
  readonly #refreshSecret: string | undefined;
  readonly #values: NamedValues;

  constructor(
    facts: TokenFacts & { deadline: number },
    secret: string,
    refreshSecret: string | undefined,
    values: NamedValues = NO_VALUES,
  ) {
    this.generation = facts.generation;
    this.obtainedAt = facts.obtainedAt;
    this.expiresAt = facts.expiresAt;
    this.refreshExpiresAt = facts.refreshExpiresAt;
    this.deadline = facts.deadline;
    this.#secret = secret;
    this.#refreshSecret = refreshSecret;
    this.#values = values;
    Object.freeze(this);
  }

  /** The access token itself, to attach it to a request. */
  reveal(): string {
    return this.#secret;
  }

  /** The refresh token itself, to spend it or to seal it. */
  revealRefresh(): string | undefined {
    return this.#refreshSecret;
  }

  /** The named values that came with it, to attach them to a request or to seal them. */
  revealValues(): NamedValues {
    return this.#values;
  }

  get hasRefresh(): boolean {
    return this.#refreshSecret !== undefined;
  }

  /** The same access token without its refresh token, which is spent. */
  withoutRefresh(): Token {
    return new Token(this, this.#secret, undefined, this.#values);
  }

  /** The same access token with the refresh token that takes the place of the spent one, whose end is not known. */
  withRefresh(refreshSecret: string): Token {
    return new Token(
      { ...this.toJSON(), refreshExpiresAt: undefined, deadline: this.deadline },
      this.#secret,
      refreshSecret,
      this.#values,
    );
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
