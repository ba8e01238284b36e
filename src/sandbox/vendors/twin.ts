import { randomUUID } from 'node:crypto';
import { isText } from '../json.ts';
import type { CustomResponse } from '../response.ts';
import { renewableSettings, type RenewableSettings } from '../settings.ts';
import { makeSecret, seconds } from '../secrets.ts';
import type { Verdict } from '../tokens.ts';
import type { Vendor } from '../vendor.ts';
import { InvalidRequest, isMultipart, reads, writes, type Operation } from './operations.ts';
import type { Dialect, Minting, Refusal } from './dialect.ts';

/** What twin's login takes; `ttl` and the rest are the caller's choice. */
export interface TwinCredentials {
  email: string;
  password: string;
}

/** TWIN voice and chat bots: one token, several hosts. */
export type TwinVendor = Vendor<RenewableSettings, TwinCredentials>;

/** twin's hosts, by the names the ledger uses. */
export const TWIN_SERVICES = ['iam', 'cis', 'notify', 'bot', 'chatApi', 'analyse'] as const;

/** One of twin's hosts. */
export type TwinService = (typeof TWIN_SERVICES)[number];

const DEFAULT_TTL = 3_600;
const MAX_TTL = 43_200;
const YEAR = 365 * 86_400;
const COMPANY = 570;

const DEAD: Record<Exclude<Verdict, 'ok'>, string> = {
  // Exactly this for an expired token [found].
  expired: 'Token is expired.',
  // NOT KNOWN: any other 401 of this vendor may mean a dead token.
  unknown: 'Token is invalid.',
  revoked: 'Token is invalid.',
  missing: 'Token is required.',
};

function failure(status: number, error: string): CustomResponse {
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

// Claims and their order as in the documents' sample [seed 000]; the refresh token's `jti` is a whole
// access token [computed from seed 000], which is why it must be kept as secret as one.
function mint(minting: Minting, settings: RenewableSettings): { access: string; refresh: string } {
  const { nowMs, accessEndsAt, refreshEndsAt, lifetime } = minting;
  const { tokenShape, tokenPrefix } = settings;
  const iat = seconds(nowMs);
  const access = makeSecret(tokenShape, tokenPrefix, {
    iat,
    ...(lifetime ? { exp: seconds(accessEndsAt) } : {}),
    sub: '783',
    company_id: COMPANY,
    roles: { [COMPANY]: ['COMPANY_ADMIN'] },
    version: 3,
  });
  const refresh = makeSecret(tokenShape, tokenPrefix, {
    iat,
    ...(lifetime ? { exp: seconds(refreshEndsAt) } : {}),
    jti: access,
    version: 3,
  });
  return { access, refresh };
}

// The calls below are imitated from public documents [found]; fields beyond the named ones are guesses.
const OPERATIONS: Partial<Record<TwinService, readonly Operation[]>> = {
  cis: [
    writes('POST /api/v1/telephony/autoCall', (_path, fields) =>
      fields === undefined ? new InvalidRequest() : { id: { identity: randomUUID() } },
    ),
    writes('POST /api/v1/telephony/autoCallCandidate/batch', (_path, { batch } = {}) => ({
      accepted: Array.isArray(batch) ? batch.length : 1,
    })),
    writes('POST /api/v1/telephony/autoCall/import', (_path, _fields, x) =>
      isMultipart(x) ? { id: { identity: randomUUID() } } : new InvalidRequest(),
    ),
    writes('POST /api/v1/telephony/autoCall/{id}/play', () => ({ status: 'PLAYING' })),
  ],
  notify: [
    writes('POST /api/v1/messages', (_path, fields) =>
      fields === undefined ? new InvalidRequest() : { items: [{ id: randomUUID(), status: 'NEW' }] },
    ),
  ],
  iam: [
    reads('GET /api/v1/users/me', () => ({
      id: 783,
      email: 'bots@sandbox.example',
      companyId: COMPANY,
      roles: ['COMPANY_ADMIN'],
    })),
  ],
  analyse: [
    reads('GET /api/v1/search/cis/sessions', () => ({
      count: 1,
      items: [{ id: '5b1f7e0a-3a55-4c5e-9a39-6a8f6f6f1d10', status: 'COMPLETED', duration: 42 }],
    })),
  ],
};

/** How twin speaks, on all its hosts. */
export const TWIN: Dialect<RenewableSettings, TwinCredentials> = {
  name: 'twin',
  settings: renewableSettings,
  initial: { ...renewableSettings.parse({}), tokenShape: 'jwt' },
  accessTtlSeconds: DEFAULT_TTL,
  refreshTtlSeconds: YEAR,

  tokenPaths: new Map([
    ['/api/v1/auth/login', 'login'],
    ['/api/v1/auth/refresh', 'refresh'],
  ]),
  tokenService: 'iam',
  readLogin: (_x, fields) => {
    if (fields === undefined) return invalid('body');
    const { email, password, ttl } = fields;
    if (!isText(email)) return invalid('email');
    if (!isText(password)) return invalid('password');
    const ttlSeconds = readTtl(ttl);
    return ttlSeconds === 'invalid' ? invalid('ttl') : { credentials: { email, password }, ttlSeconds };
  },
  // 401; the text is NOT KNOWN.
  badCredentials: () => failure(401, 'Invalid credentials.'),
  refresh: {
    read: (_x, fields) => {
      if (fields === undefined) return invalid('body');
      const { refreshToken, ttl } = fields;
      if (!isText(refreshToken)) return invalid('refreshToken');
      const ttlSeconds = readTtl(ttl);
      return ttlSeconds === 'invalid' ? invalid('ttl') : { secret: refreshToken, ttlSeconds };
    },
    // 401 → log in again [found]; the text is NOT KNOWN.
    dead: () => failure(401, 'Refresh token is invalid.'),
  },
  ownerOf: (credentials) => credentials.email,
  mint,
  pairBody: (pair, { refreshToken }) => ({
    token: pair.access.secret,
    ...(refreshToken === undefined ? {} : { refreshToken }),
  }),

  apiPrefix: '/api/v1/',
  operations: OPERATIONS,
  accessSecret: (req) => {
    const value = req.headers.authorization;
    if (value === undefined || value === '') return undefined;
    return /^Bearer +(.*)$/i.exec(value)?.[1] ?? `not-bearer ${value}`;
  },
  deadToken: (verdict, status) => failure(status, DEAD[verdict]),
  invalid: (message) => failure(400, message),
  tooMany: () => failure(429, 'Too many requests.'),
  // Only `error` is known of twin's refusals; 404's own text is NOT KNOWN.
  notFound: () => failure(404, 'Not found.'),
  wrap: (body) => body,
};
