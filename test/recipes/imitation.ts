import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { text } from 'node:stream/consumers';
import type { Certificate } from '../support/certificates.ts';
import {
  differs,
  fill,
  type ClientPart,
  type Reply,
  type Seen,
  type Step,
  type Values,
  type Vendor,
} from './vendor.ts';

/**
 * One API with its token endpoint, played as its table says. It is the egress proxy of tokenward, and ends every
 * tunnel itself, so that a recipe runs as it is, with the vendor's own host names. Tests judge by what it has seen.
 */
export class Imitation {
  /** The calls of logins and refreshes, by `at`; also those that were answered by `tokenReply`. */
  readonly calls: string[] = [];
  /** Requests to the API: those whose every attachment was right, and those with a token that has ended. */
  readonly api = { accepted: 0, rejected: 0 };
  /** What was not as the vendor demands. */
  readonly problems: string[] = [];
  /** The answer to the calls that ask for a token, in place of the vendor's. */
  tokenReply: Reply | undefined;
  /** The API repeats in fields of its answers whatever it got. */
  repeats = false;
  /** The client's part of its next request. */
  client: ClientPart = { query: {}, form: undefined, json: undefined };
  readonly #vendor: Vendor;
  readonly #api: { readonly host: string; readonly path: string };
  readonly #tls: Server;
  readonly #front: Server;
  readonly #sockets = new Set<Duplex>();
  #values: Values;
  /** What tokens have ended with. */
  readonly #dead: Values[] = [];
  #live: boolean;
  #made = 0;

  private constructor(vendor: Vendor, api: string, certificate: Certificate) {
    this.#vendor = vendor;
    const { host, pathname } = new URL(api);
    this.#api = { host, path: pathname.replace(/\/$/, '') };
    this.#values = { ...vendor.credentials, ...(vendor.refreshes !== undefined && { refresh: fresh('refresh') }) };
    this.#live = vendor.steps === undefined;
    const asks = vendor.mutualTls === true ? { requestCert: true, rejectUnauthorized: false } : {};
    this.#tls = createTlsServer({ key: certificate.key, cert: certificate.cert, ...asks }, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.problems.push(String(error));
        response.destroy();
      });
    });
    this.#tls.on('tlsClientError', () => undefined);
    this.#front = createServer().on('connect', (_request, socket: Duplex) => {
      this.#sockets.add(socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket)));
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n', () => this.#tls.emit('connection', socket));
    });
  }

  /** `api`: where the API's requests arrive. */
  static async start(vendor: Vendor, api: string, certificate: Certificate): Promise<Imitation> {
    const imitation = new Imitation(vendor, api, certificate);
    imitation.#front.listen(0, '127.0.0.1');
    await once(imitation.#front, 'listening');
    return imitation;
  }

  /** As an egress proxy. */
  get url(): string {
    return `http://127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  /** The live refresh token. */
  get refreshToken(): string {
    return this.#values['refresh'] ?? '';
  }

  /** How often a token was asked for. */
  get tokenCalls(): number {
    const issuing = this.#vendor.steps?.find(issues)?.at;
    return this.calls.filter((at) => at === issuing).length;
  }

  /** Everything secret that was issued so far. */
  get issued(): Values[] {
    return [...this.#dead, this.#values];
  }

  /** The live token ends; of an API without a login, the key. */
  kill(): void {
    this.#dead.push(this.#values);
    this.#live = false;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#front.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    this.#front.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const { method = '', headers } = request;
    const seen: Seen = { method, host: headers.host ?? '', path, query, headers, body: await text(request) };
    const step = this.#vendor.steps?.find(
      ({ at, isLogin }) => at === `${method} https://${seen.host}${path}` && isLogin?.(seen) !== false,
    );
    if (this.#vendor.mutualTls === true) {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate() as { readonly subject?: { CN?: string } };
      if (subject?.CN !== 'app') this.problems.push(`${method} ${path}: no certificate of the application`);
    }
    const {
      status,
      headers: fields = {},
      body,
    } = step === undefined ? (this.#vendor.challenge?.(seen) ?? this.#judge(seen)) : this.#token(step, seen);
    const repeated = this.repeats && step === undefined ? repeatedIn(seen) : {};
    response.writeHead(status, { ...(fields as Record<string, string | string[]>), ...repeated }).end(body);
  }

  #token(step: Step, seen: Seen): Reply {
    this.calls.push(step.at);
    const isIssuing = issues(step);
    if (isIssuing && this.tokenReply !== undefined) return this.tokenReply;
    const wrong = differs(step.expect, seen, this.#values);
    if (wrong !== undefined) {
      this.problems.push(`${step.at}: ${wrong}`);
      return { status: 500, body: '' };
    }
    const { reply } = step;
    if (isIssuing) this.#issue();
    const filled = (value: string | readonly string[]): string | string[] =>
      typeof value === 'string' ? fill(value, this.#values) : value.map((one) => fill(one, this.#values));
    const headers = Object.entries(reply.headers ?? {}).map(([name, value]) => [name, filled(value)] as const);
    return { status: reply.status, headers: Object.fromEntries(headers), body: fill(reply.body, this.#values) };
  }

  #issue(): void {
    this.#made += 1;
    const refresh = this.#vendor.refreshes === 'rotates' ? { refresh: fresh(`refresh${this.#made}`) } : {};
    this.#values = { ...this.#values, token: fresh(`token${this.#made}`), ...refresh };
    this.#live = true;
  }

  #judge(seen: Seen): Reply {
    const wrong = this.#differs(seen, this.#values);
    if (wrong === undefined && this.#live) {
      this.api.accepted += 1;
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true}' };
    }
    if (wrong === undefined || this.#dead.some((values) => this.#differs(seen, values) === undefined)) {
      this.api.rejected += 1;
      return this.#vendor.killed;
    }
    this.problems.push(`${seen.method} ${seen.host}${seen.path}: ${wrong}`);
    return { status: 500, body: '' };
  }

  #differs(seen: Seen, values: Values): string | undefined {
    const { expect, path: own = '/things/7' } = this.#vendor;
    if (seen.host !== this.#api.host) return `it went to ${seen.host}`;
    const path = `${this.#api.path}${fill(expect.path ?? '', values)}${own}`;
    if (seen.path !== path) return `path ${seen.path} instead of ${path}`;
    return differs(expect, seen, values, this.client);
  }
}

/** Whether a call brings a token. */
function issues({ reply }: Step): boolean {
  return `${reply.body}${JSON.stringify(reply.headers ?? {})}`.includes('<token>');
}

/** What nobody else says. */
function fresh(name: string): string {
  return `${name}x${randomBytes(12).toString('hex')}`;
}

function repeatedIn({ headers, path, query, body }: Seen): Record<string, string> {
  return Object.fromEntries([
    ...Object.entries(headers).map(([name, value]) => [`x-repeat-${name}`, String(value)] as const),
    ['x-repeat-path', path],
    ['x-repeat-query', query],
    ['location', `/elsewhere?${query}`],
    ['x-repeat-body', encodeURIComponent(body)],
    ['set-cookie', `seen=${encodeURIComponent(headers.cookie ?? '')}`],
  ]);
}
