import { randomUUID } from 'node:crypto';
import { readTexts, type Fields } from '../json.ts';
import type { CustomResponse } from '../response.ts';
import { makeSecret } from '../secrets.ts';
import type { TokenRefusal } from '../tokens.ts';
import type { Vendor } from '../vendor.ts';
import type { Dialect, Refusal, TokenRequest } from './dialect.ts';
import { InvalidRequest, isMultipart, reads, writes, type Operation } from './operations.ts';

/** What twin's login takes; `ttl` and the rest are the client's choice. */
export type TwinCredentials = Record<'email' | 'password', string>;

/** TWIN voice and chat bots: one token, several hosts. */
export type TwinVendor = Vendor<TwinCredentials>;

/** twin's hosts, by the names that the ledger uses. */
export const TWIN_SERVICES = ['iam', 'cis', 'notify', 'bot', 'chatApi', 'analyse'] as const;

/** One of twin's hosts. */
export type TwinService = (typeof TWIN_SERVICES)[number];

// Seconds, at most 12 hours [seed 000].
const MAX_TTL = 43_200;
const COMPANY = 570;

const DEAD: Record<TokenRefusal, string> = {
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

function readTokenRequest<N extends string>(
  fields: Fields | undefined,
  ...names: readonly N[]
): TokenRequest<Record<N, string>> | Refusal {
  if (fields === undefined) return invalid('body');
  const presented = readTexts(fields, ...names);
  if (typeof presented === 'string') return invalid(presented);
  const ttl = fields['ttl'] ?? undefined;
  if (ttl === undefined) return { presented };
  const isRight = typeof ttl === 'number' && Number.isInteger(ttl) && ttl >= 1 && ttl <= MAX_TTL;
  return isRight ? { presented, ttlSeconds: ttl } : invalid('ttl');
}

// Imitated from public documents [found]; fields beyond the named ones are guesses.
const OPERATIONS: Partial<Record<TwinService, readonly Operation[]>> = {
  cis: [
    writes('POST /api/v1/telephony/autoCall', ({ fields }) =>
      fields === undefined ? new InvalidRequest() : { id: { identity: randomUUID() } },
    ),
    writes('POST /api/v1/telephony/autoCallCandidate/batch', ({ fields: { batch } = {} }) => ({
      accepted: Array.isArray(batch) ? batch.length : 1,
    })),
    writes('POST /api/v1/telephony/autoCall/import', ({ x }) =>
      isMultipart(x) ? { id: { identity: randomUUID() } } : new InvalidRequest(),
    ),
    writes('POST /api/v1/telephony/autoCall/{id}/play', () => ({ status: 'PLAYING' })),
  ],
  notify: [
    writes('POST /api/v1/messages', ({ fields }) =>
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
export const TWIN: Dialect<TwinCredentials> = {
  name: 'twin',
  settings: { tokenShape: 'jwt' },
  accessTtlSeconds: 3_600,
  refreshTtlSeconds: 365 * 86_400,

  tokenPaths: new Map([
    ['/api/v1/auth/login', 'login'],
    ['/api/v1/auth/refresh', 'refresh'],
  ]),
  tokenService: 'iam',
  readLogin: (_x, fields) => readTokenRequest(fields, 'email', 'password'),
  // 401; the text is NOT KNOWN.
  badCredentials: failure(401, 'Invalid credentials.'),
  tooManyLogins: failure(429, 'Too many requests.'),
  refresh: {
    read: (_x, fields) => readTokenRequest(fields, 'refreshToken'),
    // 401 → log in again [found]; the text is NOT KNOWN.
    dead: failure(401, 'Refresh token is invalid.'),
  },
  ownerOf: ({ email }) => email,
  // Claims and their order as in the documents' sample [seed 000]; the refresh token's `jti` is a whole access token
  // [computed from seed 000], which is why it must be kept as secret as one.
  mint: ({ iat, exp, refreshExp }, settings) => {
    const roles = { [COMPANY]: ['COMPANY_ADMIN'] };
    const access = makeSecret(settings, { iat, exp, sub: '783', company_id: COMPANY, roles, version: 3 });
    return { access, refresh: makeSecret(settings, { iat, exp: refreshExp, jti: access, version: 3 }) };
  },
  pairBody: ({ access }, { refreshToken }) => ({ token: access.secret, refreshToken }),

  apiPrefix: '/api/v1/',
  operations: OPERATIONS,
  accessSecret: (req) => {
    const value = req.headers.authorization;
    if (value === undefined || value === '') return undefined;
    return /^Bearer (.*)$/i.exec(value)?.[1]?.trimStart() ?? `not-bearer ${value}`;
  },
  deadToken: (reason, status) => failure(status, DEAD[reason]),
  invalid: (message) => failure(400, message),
  // Only `error` is known of twin's refusals; the text of 404 is NOT KNOWN.
  notFound: failure(404, 'Not found.'),
  wrap: (body) => body,
};
