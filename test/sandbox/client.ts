import http from 'node:http';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.ts';

/** A fresh sandbox for every test of a file; read it through the function this gives back. */
export function freshSandbox(options: SandboxOptions = {}): () => Sandbox {
  let sandbox: Sandbox | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox(options);
  });
  afterEach(async () => {
    await sandbox?.close();
  });
  return () => {
    if (sandbox === undefined) throw new Error('only inside a test');
    return sandbox;
  };
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The value at a dotted path of the JSON body. */
  at(path: string): unknown;
}

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  json?: unknown;
  agent?: http.Agent;
  signal?: AbortSignal;
  /** Sees every piece of the response as it comes. */
  onData?: (piece: Buffer) => void;
}

/** One plain HTTP request; the target is sent exactly as given. */
export function call(origin: string, target: string, options: CallOptions = {}): Promise<HttpResponse> {
  const { hostname, port } = new URL(origin);
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const headers: Record<string, string | number> = { ...options.headers };
  if (options.json !== undefined && headers['content-type'] === undefined) headers['content-type'] = 'application/json';
  if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
  return new Promise((resolve, reject) => {
    const req = http.request({
      hostname,
      port,
      path: target,
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      headers,
      agent: options.agent ?? false,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    req.on('error', reject);
    req.on('response', (res) => {
      const pieces: Buffer[] = [];
      res.on('data', (piece: Buffer) => {
        pieces.push(piece);
        options.onData?.(piece);
      });
      res.on('error', reject);
      res.on('end', () => {
        const bytes = Buffer.concat(pieces);
        const text = bytes.toString('utf8');
        resolve({ status: res.statusCode ?? 0, headers: res.headers, bytes, text, at: (path) => valueAt(text, path) });
      });
    });
    req.end(body);
  });
}

function valueAt(text: string, path: string): unknown {
  let value: unknown = JSON.parse(text);
  for (const name of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }
  return value;
}

/** The three logins, the two refreshes and an API call of each vendor, as a right client makes them. */
export const softline = {
  login: (s: Sandbox, json: unknown = s.credentials.softline) => call(s.urls.softline, '/v1/login_check', { json }),
  get: (s: Sandbox, token: string, target = '/v1/order/77') =>
    call(s.urls.softline, target, { headers: { AuthorizationJWT: `Bearer ${token}` } }),
};

export const chatapp = {
  login: (s: Sandbox, json: unknown = s.credentials.chatapp) => call(s.urls.chatapp, '/v1/tokens', { json }),
  refresh: (s: Sandbox, refreshToken: string) =>
    call(s.urls.chatapp, '/v1/tokens/refresh', { method: 'POST', headers: { Refresh: refreshToken } }),
  get: (s: Sandbox, token: string, target = '/v1/licenses') =>
    call(s.urls.chatapp, target, { headers: { Authorization: token } }),
};

export const twin = {
  login: (s: Sandbox, json: unknown = s.credentials.twin) => call(s.urls.twin.iam, '/api/v1/auth/login', { json }),
  refresh: (s: Sandbox, refreshToken: string, more: object = {}) =>
    call(s.urls.twin.iam, '/api/v1/auth/refresh', { json: { refreshToken, ...more } }),
  get: (s: Sandbox, token: string, origin = s.urls.twin.iam, target = '/api/v1/users/me') =>
    call(origin, target, { headers: { Authorization: `Bearer ${token}` } }),
};

/** A string at a path of a response; fails the test when it is none. */
export function text(response: HttpResponse, path: string): string {
  const value = response.at(path);
  if (typeof value !== 'string') throw new Error(`no text at ${path} of: ${response.text}`);
  return value;
}

/** The claims of a JWT-shaped token. */
export function claims(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;
}
