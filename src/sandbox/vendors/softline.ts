import type { Exchange } from '../exchange.ts';
import { isText, type Fields, type Json } from '../json.ts';
import type { CustomResponse } from '../response.ts';
import { commonSettings, type CommonSettings } from '../settings.ts';
import { makeSecret, randomHex, seconds } from '../secrets.ts';
import type { Vendor } from '../vendor.ts';
import { idNumber, InvalidRequest, reads, segment, writes, type Operation } from './operations.ts';
import type { Dialect, Refusal } from './dialect.ts';

/** What softline's login takes. */
export interface SoftlineCredentials {
  username: string;
  password: string;
}

/** Softline eCommerce. */
export type SoftlineVendor = Vendor<CommonSettings, SoftlineCredentials>;

// Error 1006 for a wrong password, 110, 111, 1005 for a malformed login [seed 001]; on API calls 1007,
// 1008, 1009 [found]. The texts of 1007 to 1009 are NOT KNOWN: only the numbers may be relied on. 404 is
// documented [seed 001], its body is NOT KNOWN; nor is that of 429.
const MESSAGES = {
  110: 'JSON is not valid.',
  111: 'Invalid data format (Content-type).',
  404: 'Not found.',
  429: 'Too many requests.',
  1005: 'Invalid authorization data.',
  1006: 'Bad credentials.',
  1007: 'Invalid JWT Token.',
  1008: 'JWT Token not found.',
  1009: 'Expired JWT Token.',
} as const;

type ErrorNumber = keyof typeof MESSAGES;

const DEAD = { unknown: 1007, revoked: 1007, missing: 1008, expired: 1009 } as const;

function failure(status: number, error: ErrorNumber): CustomResponse {
  return { status, body: { errors: [{ error, message: MESSAGES[error] }] } };
}

function invalid(error: ErrorNumber): Refusal {
  return { refused: failure(400, error), outcome: 'invalid', reason: String(error) };
}

// The login's rules for bodies are taken to hold for every call [inferred].
function refuseBody(x: Exchange, fields: Fields | undefined): Refusal | undefined {
  if (!/^application\/json\s*(;|$)/i.test(x.req.headers['content-type'] ?? '')) return invalid(111);
  return fields === undefined ? invalid(110) : undefined;
}

function order(id: number, status: 'not paid' | 'paid' | 'deleted', externalId = ''): Json {
  return {
    order_id: id,
    order_name: `SL-${id}`,
    status,
    external_id: externalId,
    create_date: '2026-01-15 10:20:30',
    pay_date: status === 'paid' ? '2026-01-15 10:25:00' : null,
  };
}

// The calls below are imitated from the English documentation [found]; fields not listed there are left out.
const OPERATIONS: readonly Operation[] = [
  reads('GET /v1/order/{id}', ({ id }) => order(idNumber(id), 'paid')),
  // A read by POST. The key that holds its results is NOT KNOWN; `orders` is a guess.
  reads('POST /v1/order/search', () => ({ orders: [order(1001, 'paid'), order(1002, 'not paid')] })),
  writes('POST /v1/order/{id}/refund', ({ id }, { description, email } = {}) => {
    const tooLong = isLonger(description, 500) || isLonger(email, 80);
    return tooLong ? new InvalidRequest() : { order_id: idNumber(id), status: 'refund requested' };
  }),
  reads('GET /v1/subscription/{id}', ({ id }) => ({
    id: segment(id),
    activity: true,
    next_payment_date: '2026-12-01',
  })),
  writes('POST /v1/subscription/modify_activity', (_path, { id, activity } = {}) => {
    const isRight = isText(id) && (typeof activity === 'boolean' || typeof activity === 'number');
    return isRight ? { id, activity: Boolean(activity) } : new InvalidRequest();
  }),
  writes('POST /v1/product', () => ({ product_id: 5001 })),
  writes('POST /v1/generate_buy_link', () => ({ link: 'https://shop.softline.example/buy/7f3a9c' })),
  writes('POST /v1/payment', (_path, { order_id, external_id } = {}) =>
    order(idNumber(JSON.stringify(order_id ?? 2001)), 'paid', isText(external_id) ? external_id : ''),
  ),
];

function isLonger(value: unknown, most: number): boolean {
  return typeof value === 'string' && value.length > most;
}

/** How softline speaks. */
export const SOFTLINE: Dialect<CommonSettings, SoftlineCredentials> = {
  name: 'softline',
  settings: commonSettings,
  initial: commonSettings.parse({}),
  accessTtlSeconds: 86_400,
  refreshTtlSeconds: 86_400,

  tokenPaths: new Map([['/v1/login_check', 'login']]),
  readLogin: (x, fields) => {
    const { username, password } = fields ?? {};
    const refusal = refuseBody(x, fields);
    if (refusal !== undefined) return refusal;
    return isText(username) && isText(password) ? { credentials: { username, password } } : invalid(1005);
  },
  badCredentials: () => failure(401, 1006),
  ownerOf: (credentials) => credentials.username,
  mint: ({ owner, nowMs, accessEndsAt }, { tokenShape, tokenPrefix }) => ({
    access: makeSecret(tokenShape, tokenPrefix, { iat: seconds(nowMs), exp: seconds(accessEndsAt), username: owner }),
    // Handed out and documented as unused [seed 001].
    refresh: tokenPrefix + randomHex(19),
  }),
  // No expiry field: 24 hours from receipt [seed 001]. So there is nothing to leave out for `no-lifetime`.
  pairBody: (pair) => ({ token: pair.access.secret, refresh_token: pair.refresh.secret }),

  apiPrefix: '/v1/',
  operations: { softline: OPERATIONS },
  // Only this header counts; a request that has only `Authorization` is without a token [found, inferred].
  accessSecret: (req) => {
    const value = req.headers['authorizationjwt'];
    if (typeof value !== 'string' || value === '' || value === 'Bearer') return undefined;
    return value.startsWith('Bearer ') ? value.slice('Bearer '.length) : `not-bearer ${value}`;
  },
  deadToken: (verdict, status) => failure(status, DEAD[verdict]),
  refuseBody: (x, fields) => (x.entry.method === 'POST' ? refuseBody(x, fields)?.refused : undefined),
  // The error number for a field out of bounds is NOT KNOWN.
  invalid: () => failure(400, 110),
  // Whether logins are limited at all is NOT KNOWN; nor what the refusal would be.
  tooMany: () => failure(429, 429),
  notFound: () => failure(404, 404),
  wrap: (body) => body,
};
