import { createHash, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import type { AuthorizationServer, Certificates } from './authorization-server.ts';

/**
 * An API that asks the authorization server about every token, and checks what the token is bound to: the proof of
 * DPoP (RFC 9449 §7) or the client certificate (RFC 8705 §3).
 */
export class Api {
  /** The token of the last request that was accepted. */
  accepted = '';
  /** What nobody should have sent. */
  readonly problems: string[] = [];
  readonly #server: Server;
  readonly #tokens: Pick<AuthorizationServer, 'look'>;
  readonly #proof: 'dpop' | 'certificate' | undefined;
  readonly #proofs = new Set<string>();

  private constructor(server: Server, tokens: Pick<AuthorizationServer, 'look'>, proof: Api['proof']) {
    this.#server = server;
    this.#tokens = tokens;
    this.#proof = proof;
    server.on('request', (request: IncomingMessage, response) => {
      this.#judge(request).then(
        (challenge) =>
          response
            .writeHead(
              challenge === undefined ? 200 : 401,
              challenge === undefined ? {} : { 'www-authenticate': challenge },
            )
            .end('{}'),
        (error: unknown) => {
          this.problems.push(String(error));
          response.writeHead(500).end();
        },
      );
    });
  }

  static async start(
    tokens: Pick<AuthorizationServer, 'look'>,
    { server: own }: Certificates,
    proof: Api['proof'],
  ): Promise<Api> {
    const server = createServer({ cert: own.cert, key: own.key, requestCert: true, rejectUnauthorized: false });
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Api(server, tokens, proof);
  }

  /** What it demands beside the token. */
  get proof(): 'dpop' | 'certificate' | undefined {
    return this.#proof;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** The challenge with which the request is refused. */
  async #judge(request: IncomingMessage): Promise<string | undefined> {
    const scheme = this.#proof === 'dpop' ? 'DPoP' : 'Bearer';
    const [sent, token = ''] = (request.headers.authorization ?? '').split(' ');
    if (sent !== scheme) this.problems.push(`the scheme ${sent ?? ''} instead of ${scheme}`);
    const binding = await this.#tokens.look(token);
    if (binding === undefined) return `${scheme} error="invalid_token"`;
    if (this.#proof === 'dpop') await this.#checkProof(request, token, binding.jkt);
    if (this.#proof === 'certificate') {
      const shown = (request.socket as TLSSocket).getPeerX509Certificate();
      if (shown === undefined || binding.x5t !== thumbprintOf(shown)) this.problems.push('not the bound certificate');
    }
    this.accepted = token;
    return undefined;
  }

  async #checkProof({ headers, method, url }: IncomingMessage, token: string, jkt: string | undefined): Promise<void> {
    const { payload, protectedHeader } = await jwtVerify(String(headers['dpop']), EmbeddedJWK, { typ: 'dpop+jwt' });
    const { htm, htu, ath, jti } = payload;
    const wanted = [method, `${this.url}${url!}`, createHash('sha256').update(token).digest('base64url')];
    if (JSON.stringify([htm, htu, ath]) !== JSON.stringify(wanted)) this.problems.push('a proof of another request');
    if (jkt === undefined || (await calculateJwkThumbprint(protectedHeader.jwk!)) !== jkt)
      this.problems.push('a proof by another key');
    if (jti === undefined || this.#proofs.has(jti)) this.problems.push('a proof that was used already');
    this.#proofs.add(jti!);
  }
}

/** `x5t#S256` (RFC 8705 §3.1). */
function thumbprintOf({ raw }: X509Certificate): string {
  return createHash('sha256').update(raw).digest('base64url');
}
