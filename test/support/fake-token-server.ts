import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/**
 * A token endpoint's answer that is not what its client hoped for. `cut`: a pair is made, half of the answer sent, and
 * the connection reset.
 */
export interface OddAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly cut?: boolean;
  /** A good answer without these fields. */
  readonly without?: readonly string[];
}

/** One call of the token endpoint. */
export interface TokenCall {
  readonly kind: 'login' | 'refresh';
  /** Monotonic ms. */
  readonly at: number;
  /**
   * granted; odd: what the test asked for; reuse: a refresh token that was spent before, so that its family is revoked.
   */
  readonly outcome: 'granted' | 'odd' | 'reuse' | 'unknown';
}

export interface TokenServerOptions {
  /** Seconds a token lives, fractions allowed. */
  readonly life?: number;
  /** With refresh tokens that are good once; a second use revokes every token of the family. */
  readonly rotating?: boolean;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/**
 * An OAuth token endpoint and, on a port of its own, the API that takes its tokens: `POST /login` (client credentials
 * or a password, it is not looked at) and `POST /refresh`. What they saw is what tests judge by.
 */
export class FakeTokenServer {
  readonly calls: TokenCall[] = [];
  /** The API's verdicts. */
  readonly api = { accepted: 0, refused: 0 };
  /** The answer to the next token call, in place of the good one. */
  oddOnce: OddAnswer | undefined;
  /** The answer to every call of that kind, in place of the good one. */
  readonly odd: { login?: OddAnswer | undefined; refresh?: OddAnswer | undefined } = {};
  readonly #options: TokenServerOptions & { readonly life: number };
  /** By access token: its family and its end, monotonic ms. */
  readonly #tokens = new Map<string, { family: number; end: number }>();
  /** By refresh token: its family, and whether it was spent. */
  readonly #refreshes = new Map<string, { family: number; spent: boolean }>();
  readonly #revoked = new Set<number>();
  readonly #endpoint: Server;
  readonly #apiServer: Server;
  #made = 0;

  private constructor(options: TokenServerOptions) {
    this.#options = { life: 3_600, ...options };
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#token(request, response).catch(() => response.destroy());
    this.#endpoint = options.tls === undefined ? createServer(answer) : createTlsServer(options.tls, answer);
    this.#endpoint.on('tlsClientError', () => undefined);
    this.#apiServer = createServer((request, response) => this.#judge(request, response));
  }

  static async start(options: TokenServerOptions = {}): Promise<FakeTokenServer> {
    const server = new FakeTokenServer(options);
    for (const one of [server.#endpoint, server.#apiServer]) {
      one.listen(0, '127.0.0.1');
      await once(one, 'listening');
    }
    return server;
  }

  /** Where the token endpoint is. */
  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${(this.#endpoint.address() as AddressInfo).port}`;
  }

  /** Where the API is. */
  get apiUrl(): string {
    return `http://127.0.0.1:${(this.#apiServer.address() as AddressInfo).port}`;
  }

  /** Families that ended because a refresh token was spent twice. */
  get revokedFamilies(): number {
    return this.#revoked.size;
  }

  count(kind: TokenCall['kind'], outcome?: TokenCall['outcome']): number {
    return this.calls.filter((call) => call.kind === kind && (outcome === undefined || call.outcome === outcome))
      .length;
  }

  /** Every access token issued so far is refused from now on. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  async close(): Promise<void> {
    for (const one of [this.#endpoint, this.#apiServer]) {
      const closed = new Promise((resolve) => one.close(resolve));
      one.closeAllConnections();
      await closed;
    }
  }

  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const kind = request.url === '/refresh' ? 'refresh' : 'login';
    const form = new URLSearchParams(await text(request));
    const note = (outcome: TokenCall['outcome']): void =>
      void this.calls.push({ kind, at: performance.now(), outcome });
    const odd = this.oddOnce ?? this.odd[kind];
    this.oddOnce = undefined;
    if (odd !== undefined && odd.cut !== true && odd.without === undefined) {
      note('odd');
      response.writeHead(odd.status ?? 200, odd.headers).end(odd.body ?? '');
      return;
    }
    let family = this.#made;
    if (kind === 'refresh') {
      const known = this.#refreshes.get(form.get('refresh_token') ?? '');
      if (known?.spent === true) this.#revoked.add(known.family);
      if (known === undefined || known.spent || this.#revoked.has(known.family)) {
        note(known?.spent === true ? 'reuse' : 'unknown');
        response.writeHead(400, JSON_TYPE).end('{"error":"invalid_grant"}');
        return;
      }
      ({ family } = known);
      known.spent = true;
    }
    note(odd === undefined ? 'granted' : 'odd');
    const pair = JSON.stringify(this.#pair(family, odd?.without ?? []));
    response.writeHead(200, { ...JSON_TYPE, 'content-length': pair.length });
    if (odd?.cut !== true) response.end(pair);
    else response.write(pair.slice(0, pair.length / 2), () => request.socket.resetAndDestroy());
  }

  #pair(family: number, without: readonly string[]): Record<string, unknown> {
    this.#made += 1;
    const { life, rotating } = this.#options;
    const [access, refresh] = [`access-${this.#made}`, `refresh-${this.#made}`];
    this.#tokens.set(access, { family, end: performance.now() + life * 1_000 });
    if (rotating === true) this.#refreshes.set(refresh, { family, spent: false });
    const whole = {
      access_token: access,
      token_type: 'Bearer',
      expires_in: life,
      ...(rotating === true && { refresh_token: refresh }),
    };
    return Object.fromEntries(Object.entries(whole).filter(([name]) => !without.includes(name)));
  }

  #judge(request: IncomingMessage, response: ServerResponse): void {
    const token = this.#tokens.get(/^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
    const good = token !== undefined && performance.now() < token.end && !this.#revoked.has(token.family);
    this.api[good ? 'accepted' : 'refused'] += 1;
    request
      .resume()
      .on('end', () =>
        response.writeHead(good ? 200 : 401, JSON_TYPE).end(good ? '{"ok":true}' : '{"error":"invalid_token"}'),
      );
  }
}

const JSON_TYPE = { 'content-type': 'application/json' };

/**
 * An account with client credentials: no refresh token, renewed early. `tokenUrl`: the endpoint as tokenward reaches
 * it.
 */
export function clientCredentials(tokenUrl: string): Record<string, unknown> {
  return {
    flow: 'oauth2',
    credentials: { tokenUrl: `${tokenUrl}/login`, clientId: 'app', clientSecret: 'client-secret' },
  };
}

/**
 * An account like ChatApp's: a refresh token that rotates, renewed on demand, and a budget of 100 logins of which 20
 * are kept. Goes with `CRM_FLOW`.
 */
export function crmAccount(baseUrl: string): Record<string, unknown> {
  return { flow: 'crm', baseUrl, credentials: { email: 'a@b.example', password: 'right', appId: 'app_1' } };
}

/** The flow of `crmAccount`, to stand below `flows`. */
export const CRM_FLOW = {
  crm: {
    credentials: { email: 'required', password: 'required', appId: 'required' },
    login: {
      url: '/login',
      json: { email: '{email}', password: '{password}', appId: '{appId}' },
      answer: { token: '/access_token', refreshToken: '/refresh_token', expiresIn: '/expires_in' },
    },
    refresh: {
      url: '/refresh',
      form: { refresh_token: '{refreshToken}' },
      answer: { token: '/access_token', refreshToken: '/refresh_token', expiresIn: '/expires_in' },
    },
    attach: { header: 'Authorization' },
    invalid: [{ status: 401 }],
    renew: 'on-demand',
    budget: { logins: 100, per: 86_400, reserve: 20, by: ['email', 'appId'] },
  },
} as const;
