import { spawn, type ChildProcess } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import {
  createServer as createPlainServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { CannotRun } from '../harness/options.ts';
import { cutConnection, type Cut } from '../support/cut-connection.ts';
import type { OauthAccount } from './account.ts';
import type { AuthorizationServer, Binding, Certificates, Count } from './authorization-server.ts';
import { PERSON, realm, REALMS, SECRET } from './keycloak-realm.ts';

/** It builds itself anew at its first start. ms. */
const START_MS = 300_000;
const ADMIN = { username: 'admin', password: 'only for these proofs' };
/** What it calls its token requests in its own log of events; with _ERROR they were refused. */
const TOKEN_EVENTS = /^(LOGIN|CLIENT_LOGIN|REFRESH_TOKEN)(_ERROR)?$/;
/** Its words for a refresh token that came once too often; it ends the session then. */
const REUSE = /reuse|stale/i;

/** One entry of its log of events. */
interface Event {
  readonly type: string;
  readonly error?: string;
  readonly details?: { readonly reason?: string };
}

/**
 * A real Keycloak in its development mode on loopback, behind a front that ends TLS, says which certificate the client
 * has shown, and cuts connections.
 */
export class Keycloak implements AuthorizationServer {
  readonly name = 'Keycloak';
  readonly accounts: readonly OauthAccount[];
  cutNext: Cut | undefined;
  readonly #front: Server;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #ended = new Set<string>();
  /** Logins of a person by client, which are none of tokenward's. */
  readonly #consents = new Map<string, number>();
  readonly #keys = new Map<string, ReturnType<typeof createLocalJWKSet>>();

  private constructor(front: Server, child: ChildProcess, port: number, key: string) {
    this.#front = front;
    this.#child = child;
    this.#port = port;
    front.on('request', (request: IncomingMessage, response: ServerResponse) => this.#pass(request, response));
    this.accounts = this.#accounts(key);
  }

  /** `home`: its unpacked archive, which is written to. */
  static async start(home: string, { server, ca }: Certificates): Promise<Keycloak> {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const imports = join(home, 'data/import');
    mkdirSync(imports, { recursive: true });
    const publicJwk = createPublicKey(privateKey).export({ format: 'jwk' });
    for (const [name, reuse] of Object.entries(REALMS))
      writeFileSync(join(imports, `${name}.json`), JSON.stringify(realm(name, reuse, publicJwk)));
    const front = createServer({
      cert: server.cert,
      key: server.key,
      ca,
      requestCert: true,
      rejectUnauthorized: false,
    });
    front.on('tlsClientError', () => undefined);
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const [port, management] = [await freePort(), await freePort()];
    const child = spawn(
      join(home, 'bin/kc.sh'),
      [
        ...['start-dev', '--import-realm', '--db=dev-mem', '--http-host=127.0.0.1', `--http-port=${port}`],
        ...[`--http-management-port=${management}`, '--proxy-headers=xforwarded', '--log-level=warn'],
        `--hostname=https://127.0.0.1:${(front.address() as AddressInfo).port}`,
        ...['--spi-x509cert-lookup--provider=nginx', '--spi-x509cert-lookup--nginx--ssl-client-cert=ssl-client-cert'],
        '--spi-x509cert-lookup--nginx--trust-proxy-verification=true',
      ],
      {
        env: {
          PATH: process.env['PATH'] ?? '',
          JAVA_OPTS_APPEND: '-Djava.net.preferIPv4Stack=true',
          KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
          KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own: the script starts Java beneath it.
        detached: true,
      },
    );
    process.once('exit', () => endGroup(child));
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const keycloak = new Keycloak(front, child, port, pem);
    const end = performance.now() + START_MS;
    while (!(await keycloak.#isUp())) {
      if (child.exitCode !== null || performance.now() > end) throw new CannotRun(`Keycloak did not start: ${said}`);
      await sleep(500);
    }
    return keycloak;
  }

  get issuer(): string {
    return `https://127.0.0.1:${(this.#front.address() as AddressInfo).port}/realms/strict`;
  }

  async count(clientId: string): Promise<Count> {
    const name = clientId === 'grace' ? 'grace' : 'strict';
    const client = clientId === 'grace' ? 'refresh' : clientId;
    const { access_token: token } = await this.#token('master', { ...ADMIN, client_id: 'admin-cli' });
    const response = await fetch(`${this.#url}/admin/realms/${name}/events?client=${client}&max=10000`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const events = ((await response.json()) as Event[]).filter(({ type }) => TOKEN_EVENTS.test(type)).reverse();
    const refused = events
      .filter(({ type }) => type.endsWith('_ERROR'))
      .map(({ error = '', details }) => `${error}: ${details?.reason ?? ''}`);
    return {
      granted: events.length - refused.length - (this.#consents.get(clientId) ?? 0),
      refused,
      revoked: refused.filter((words) => REUSE.test(words)).length,
    };
  }

  async look(accessToken: string): Promise<Binding | undefined> {
    if (this.#ended.has(accessToken)) return undefined;
    for (const name of Object.keys(REALMS)) {
      try {
        const { payload } = await jwtVerify(accessToken, await this.#keysOf(name));
        const cnf = (payload['cnf'] ?? {}) as { jkt?: string; 'x5t#S256'?: string };
        return { jkt: cnf.jkt, x5t: cnf['x5t#S256'] };
      } catch {
        // Not of this realm.
      }
    }
    return undefined;
  }

  /** Its access tokens are JWTs, so it is the API that refuses this one. */
  async end(accessToken: string): Promise<void> {
    this.#ended.add(accessToken);
  }

  async close(): Promise<void> {
    this.#front.close();
    this.#front.closeAllConnections();
    const closed = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined;
    endGroup(this.#child);
    await closed;
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async #isUp(): Promise<boolean> {
    try {
      const answers = Object.keys(REALMS).map((name) => fetch(`${this.#url}/realms/${name}`));
      return (await Promise.all(answers)).every(({ ok }) => ok);
    } catch {
      return false;
    }
  }

  async #keysOf(name: string): Promise<ReturnType<typeof createLocalJWKSet>> {
    let keys = this.#keys.get(name);
    if (keys === undefined) {
      const response = await fetch(`${this.#url}/realms/${name}/protocol/openid-connect/certs`);
      this.#keys.set(name, (keys = createLocalJWKSet((await response.json()) as JSONWebKeySet)));
    }
    return keys;
  }

  async #token(name: string, form: Record<string, string>): Promise<{ access_token: string; refresh_token: string }> {
    const response = await fetch(`${this.#url}/realms/${name}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', ...form }),
    });
    if (!response.ok) throw new CannotRun(`Keycloak gave no token: ${await response.text()}`);
    return (await response.json()) as { access_token: string; refresh_token: string };
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    if (request.url!.endsWith('/token') && this.cutNext !== undefined) {
      const { cutNext } = this;
      this.cutNext = undefined;
      if (cutConnection(cutNext, request, response)) return;
    }
    const socket = request.socket as TLSSocket;
    const shown = socket.getPeerX509Certificate();
    const onward = forward(
      `${this.#url}${request.url!}`,
      {
        method: request.method,
        headers: {
          ...request.headers,
          'x-forwarded-proto': 'https',
          'x-forwarded-host': request.headers.host!,
          'ssl-client-verify': socket.authorized ? 'SUCCESS' : 'NONE',
          ...(shown !== undefined && { 'ssl-client-cert': encodeURIComponent(shown.toString()) }),
        },
      },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.on('data', (piece) => response.write(piece)).on('end', () => response.end());
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }

  #accounts(key: string): OauthAccount[] {
    const secret = (clientId: string): Record<string, string> => ({ clientId, clientSecret: SECRET });
    const consent = (clientId: string, name: keyof typeof REALMS) => async () => {
      const form = { ...PERSON, client_id: 'refresh', client_secret: SECRET };
      const { refresh_token: refreshToken } = await this.#token(name, form);
      this.#consents.set(clientId, (this.#consents.get(clientId) ?? 0) + 1);
      return { refreshToken };
    };
    return [
      {
        name: 'refresh token',
        clientId: 'refresh',
        oauth: { grant: 'refresh_token' },
        credentials: secret('refresh'),
        recovery: 'person',
        consent: consent('refresh', 'strict'),
      },
      {
        name: 'refresh token with a grace time',
        clientId: 'grace',
        issuer: this.issuer.replace(/strict$/, 'grace'),
        oauth: { grant: 'refresh_token' },
        credentials: secret('refresh'),
        recovery: 'grace',
        consent: consent('grace', 'grace'),
      },
      {
        name: 'refresh token beside a login',
        clientId: 'password',
        oauth: { grant: 'password' },
        credentials: { ...secret('password'), ...PERSON },
        recovery: 'login',
      },
      {
        name: 'client credentials',
        clientId: 'machine',
        oauth: {},
        credentials: secret('machine'),
        recovery: 'login',
      },
      {
        name: 'private_key_jwt',
        clientId: 'signing',
        oauth: { clientAuth: 'private_key_jwt', key: '{key}', kid: 'ours' },
        credentials: { clientId: 'signing', key },
        recovery: 'login',
      },
      {
        name: 'DPoP',
        clientId: 'proving',
        oauth: { dpop: true },
        credentials: secret('proving'),
        recovery: 'login',
        proof: 'dpop',
      },
      {
        name: 'client certificate',
        clientId: 'certified',
        oauth: { clientAuth: 'tls' },
        credentials: { clientId: 'certified' },
        recovery: 'login',
        proof: 'certificate',
      },
    ];
  }
}

/** A port that nobody uses now. */
async function freePort(): Promise<number> {
  const server = createPlainServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The script and the Java that it has started. */
function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
