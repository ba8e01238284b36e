import type { Certificate } from '../support/certificates.ts';
import type { Cut } from '../support/cut-connection.ts';
import type { OauthAccount } from './account.ts';

/** What an authorization server has done, by its own account. */
export interface Count {
  readonly granted: number;
  /** What it refused, in its own words. */
  readonly refused: readonly string[];
  /** Families of tokens that it ended, because a spent refresh token came again. */
  readonly revoked: number;
}

/** What a living token is bound to. */
export interface Binding {
  /** The thumbprint of a DPoP key. */
  readonly jkt?: string | undefined;
  /** The thumbprint of a client certificate. */
  readonly x5t?: string | undefined;
}

/** A real authorization server. */
export interface AuthorizationServer {
  readonly name: string;
  readonly issuer: string;
  readonly accounts: readonly OauthAccount[];
  /** Set to cut the connection of the next token request. */
  cutNext: Cut | undefined;
  /** All that it has done for a client so far. */
  count(clientId: string): Promise<Count>;
  /** Undefined: the token is none, or has ended. */
  look(accessToken: string): Promise<Binding | undefined>;
  /** Ends an access token, and nothing else. */
  end(accessToken: string): Promise<void>;
  close(): Promise<void>;
}

/** Certificates of both sides: the servers', and the one that tokenward shows. */
export interface Certificates {
  readonly caFile: string;
  readonly ca: string;
  readonly server: Certificate;
  readonly client: Certificate;
}
