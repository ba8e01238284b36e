import { randomUUID } from 'node:crypto';
import { isFields, isText, parseFields } from '../body.ts';
import type { CustomAnswer, Json } from '../answer.ts';
import type { ApiAnswer, Dialect, Grant, Minting, Refusal, RefreshRequest } from './dialect.ts';
import type { Exchange } from '../http.ts';
import { twinKnobs, type TwinKnobs } from '../knobs.ts';
import type { Claims, SecretMaker } from '../secrets.ts';
import type { Verdict } from '../tokens.ts';
import type { Vendor } from '../vendor.ts';

/** What twin's login takes; `ttl` and the rest are the caller's choice. */
export interface TwinCredentials {
  email: string;
  password: string;
}

/** TWIN voice and chat bots: one token, several hosts. */
export type TwinVendor = Vendor<TwinKnobs, TwinCredentials>;

/** twin's hosts, by the names the ledger uses. */
export const TWIN_SERVICES = ['iam', 'cis', 'notify', 'bot', 'chatApi', 'analyse'] as const;

const LOGIN_PATH = '/api/v1/auth/login';
const REFRESH_PATH = '/api/v1/auth/refresh';
const DEFAULT_TTL = 3_600;
const MAX_TTL = 43_200;
const YEAR = 365 * 86_400;
const COMPANY = 570;

function failure(status: number, error: string): CustomAnswer {
  return { status, body: { error } };
}

// 400 for validation; the texts are NOT KNOWN.
function invalid(reason: string): Refusal {
  return { refused: failure(400, `Invalid value of ${reason}.`), outcome: 'invalid', reason };
}

// Seconds, at most 12 hours [seed 000].
function readTtl(value: unknown): number | undefined | 'invalid' {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_TTL ? value : 'invalid';
}

function login(_x: Exchange, body: Buffer, accounts: readonly TwinCredentials[], knobs: TwinKnobs): Grant | Refusal {
  const fields = parseFields(body);
  if (fields === null) return invalid('body');
  const { email, password } = fields;
  if (!isText(email)) return invalid('email');
  if (!isText(password)) return invalid('password');
  const ttl = readTtl(fields['ttl']);
  if (ttl === 'invalid') return invalid('ttl');
  if (accounts.some((account) => account.email === email && account.password === password)) {
    return { owner: email, ttlSeconds: ttl };
  }
  return {
    // 401; the text is NOT KNOWN.
    refused: failure(knobs.badCredentialsStatus, 'Invalid credentials.'),
    outcome: 'refused',
    reason: 'bad-credentials',
  };
}

function readRefresh(_x: Exchange, body: Buffer): RefreshRequest | Refusal {
  const fields = parseFields(body);
  if (fields === null) return invalid('body');
  const { refreshToken } = fields;
  if (!isText(refreshToken)) return invalid('refreshToken');
  const ttl = readTtl(fields['ttl']);
  return ttl === 'invalid' ? invalid('ttl') : { secret: refreshToken, ttlSeconds: ttl };
}

// Claims and their order as in the documents' sample [seed 000]; the refresh token's `jti` is a whole
// access token [computed from seed 000], which is why it must be kept as secret as one.
function mint(maker: SecretMaker, minting: Minting, knobs: TwinKnobs): { access: string; refresh: string } {
  const iat = Math.floor(minting.nowMs / 1_000);
  const claimed = knobs.expClaimSeconds === null ? minting.accessEndsAt : minting.nowMs + knobs.expClaimSeconds * 1_000;
  const accessClaims: Claims = {
    iat,
    ...(minting.lifetime ? { exp: Math.floor(claimed / 1_000) } : {}),
    sub: '783',
    company_id: COMPANY,
    roles: { [COMPANY]: ['COMPANY_ADMIN'] },
    version: 3,
  };
  const access = maker.make(knobs.tokenShape, knobs.tokenPrefix, accessClaims);
  const refresh = maker.make(knobs.tokenShape, knobs.tokenPrefix, {
    iat,
    ...(minting.lifetime ? { exp: Math.floor(minting.refreshEndsAt / 1_000) } : {}),
    jti: access,
    version: 3,
  });
  return { access, refresh };
}

const DEAD: Record<Verdict, string> = {
  // Exactly this for an expired token [found].
  expired: 'Token is expired.',
  // NOT KNOWN: any other 401 of this vendor may mean a dead token.
  unknown: 'Token is invalid.',
  revoked: 'Token is invalid.',
  missing: 'Token is required.',
  ok: 'Token is invalid.',
};

// The calls below are imitated from public documents [found]; fields beyond the named ones are guesses.
interface Route {
  readonly service: (typeof TWIN_SERVICES)[number];
  readonly method: string;
  readonly path: RegExp;
  readonly applies: boolean;
  /** Undefined: the request is not one of this call. */
  readonly call: (match: RegExpExecArray, body: Buffer, x: Exchange) => Json | undefined;
}

const ROUTES: readonly Route[] = [
  {
    service: 'cis',
    method: 'POST',
    path: /^\/api\/v1\/telephony\/autoCall$/,
    applies: true,
    call: (_match, body) => (parseFields(body) === null ? undefined : { id: { identity: randomUUID() } }),
  },
  {
    service: 'cis',
    method: 'POST',
    path: /^\/api\/v1\/telephony\/autoCallCandidate\/batch$/,
    applies: true,
    call: (_match, body) => {
      const batch = parseFields(body)?.['batch'];
      return { accepted: Array.isArray(batch) ? batch.length : 1 };
    },
  },
  {
    service: 'cis',
    method: 'POST',
    path: /^\/api\/v1\/telephony\/autoCall\/import$/,
    applies: true,
    call: (_match, _body, x) =>
      /^multipart\/form-data\s*;/i.test(x.req.headers['content-type'] ?? '')
        ? { id: { identity: randomUUID() } }
        : undefined,
  },
  {
    service: 'cis',
    method: 'POST',
    path: /^\/api\/v1\/telephony\/autoCall\/([^/]+)\/play$/,
    applies: true,
    call: () => ({ status: 'PLAYING' }),
  },
  {
    service: 'notify',
    method: 'POST',
    path: /^\/api\/v1\/messages$/,
    applies: true,
    call: (_match, body) => {
      const fields = parseFields(body);
      return isFields(fields) ? { items: [{ id: randomUUID(), status: 'NEW' }] } : undefined;
    },
  },
  {
    service: 'iam',
    method: 'GET',
    path: /^\/api\/v1\/users\/me$/,
    applies: false,
    call: () => ({ id: 783, email: 'bots@sandbox.example', companyId: COMPANY, roles: ['COMPANY_ADMIN'] }),
  },
  {
    service: 'analyse',
    method: 'GET',
    path: /^\/api\/v1\/search\/cis\/sessions$/,
    applies: false,
    call: () => ({ count: 1, items: [{ id: '5b1f7e0a-3a55-4c5e-9a39-6a8f6f6f1d10', status: 'COMPLETED', duration: 42 }] }),
  },
];

// Only `error` is known of twin's refusals; 404's own text is NOT KNOWN.
function notFound(): CustomAnswer {
  return failure(404, 'Not found.');
}

function api(x: Exchange, body: Buffer): ApiAnswer | null {
  // Tokens come from iam only, and by POST only.
  if (x.path === LOGIN_PATH || x.path === REFRESH_PATH) return { answer: notFound(), applied: false, outcome: 'not-found' };
  for (const route of ROUTES) {
    if (route.service !== x.service || route.method !== x.entry.method) continue;
    const match = route.path.exec(x.path);
    if (match === null) continue;
    const result = route.call(match, body, x);
    if (result === undefined) return { answer: failure(400, 'Invalid request.'), applied: false, outcome: 'invalid' };
    return { answer: { status: 200, body: result }, applied: route.applies };
  }
  return null;
}

/** How twin speaks, on all its hosts. */
export const TWIN: Dialect<TwinKnobs, TwinCredentials> = {
  name: 'twin',
  apiPrefix: '/api/v1/',
  knobs: twinKnobs,
  initial: { ...twinKnobs.parse({}), tokenShape: 'jwt' },
  accessTtlSeconds: DEFAULT_TTL,
  refreshTtlSeconds: YEAR,
  refreshKnobs: (knobs) => knobs,
  tokenCall: (x) => {
    if (x.service !== 'iam' || x.entry.method !== 'POST') return null;
    return x.path === LOGIN_PATH ? 'login' : x.path === REFRESH_PATH ? 'refresh' : null;
  },
  login,
  readRefresh,
  ownerOf: (credentials) => credentials.email,
  mint,
  pairBody: (pair, style) => ({
    token: pair.access.secret,
    ...(style.refresh === 'omit' ? {} : { refreshToken: style.refresh === 'empty' ? '' : (pair.refresh?.secret ?? '') }),
  }),
  // 401 → log in again [found]; the text is NOT KNOWN.
  deadRefresh: (status) => failure(status, 'Refresh token is invalid.'),
  overQuota: (knobs) => failure(knobs.quotaStatus, 'Too many requests.'),
  accessSecret: (req) => {
    const value = req.headers.authorization;
    if (value === undefined || value === '') return null;
    const match = /^Bearer +(.*)$/i.exec(value);
    return match === null ? `not-bearer ${value}` : (match[1] ?? null);
  },
  deadToken: (verdict, status) => failure(status, DEAD[verdict]),
  rateLimited: () => failure(429, 'Too many requests.'),
  notFound,
  api,
  wrap: (body) => body,
};
