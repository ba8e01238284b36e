/** How an account comes back when its last refresh token may be spent. */
export type Recovery =
  /** It logs in. */
  | 'login'
  /** The server takes the refresh token a second time for a while, and the account's rotationGrace says so. */
  | 'grace'
  /** Only a person can help: there is no login. */
  | 'person';

/** One kind of account that the proofs are made with. */
export interface OauthAccount {
  readonly name: string;
  /** The client at the authorization server. */
  readonly clientId: string;
  /** Where it is not that of the server. */
  readonly issuer?: string;
  /** `oauth` of its flow, without the issuer. */
  readonly oauth: Readonly<Record<string, unknown>>;
  readonly credentials: Readonly<Record<string, string>>;
  readonly recovery: Recovery;
  /** What the API demands beside the token. */
  readonly proof?: 'dpop' | 'certificate';
  /** A new consent: what a person brings to an account without a login. */
  readonly consent?: () => Promise<Consent>;
}

/** What came of a consent. */
export interface Consent {
  readonly refreshToken: string;
  /** The key to which the refresh token is bound. */
  readonly dpopKey?: string | undefined;
}
