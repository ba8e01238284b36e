import type { Exchange } from '../exchange.ts';
import { isText, readTexts, type Fields, type Json } from '../json.ts';
import type { CustomResponse } from '../response.ts';
import { makeSecret, randomHex } from '../secrets.ts';
import type { Vendor } from '../vendor.ts';
import type { Dialect, Refusal } from './dialect.ts';
import { idNumber, InvalidRequest, reads, segment, writes, type Operation } from './operations.ts';

/** What softline's login takes. */
export type SoftlineCredentials = Record<'username' | 'password', string>;

/** Softline eCommerce. */
export type SoftlineVendor = Vendor<SoftlineCredentials>;

// Error 1006 for a wrong password, 110, 111, 1005 for a malformed login [seed 001]; on API requests 1007,
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

// The login's rules for bodies are taken to hold for every operation [inferred].
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

// Imitated from the English documentation [found]; fields not listed there are left out.
const OPERATIONS: readonly Operation[] = [
  reads('GET /v1/order/{id}', ({ path }) => order(idNumber(path['id']), 'paid')),
  // A read by POST. The key that holds its results is NOT KNOWN; `orders` is a guess.
  reads('POST /v1/order/search', () => ({ orders: [order(1001, 'paid'), order(1002, 'not paid')] })),
  writes('POST /v1/order/{id}/refund', ({ path, fields: { description, email } = {} }) => {
    const tooLong = isLonger(description, 500) || isLonger(email, 80);
    return tooLong ? new InvalidRequest() : { order_id: idNumber(path['id']), status: 'refund requested' };
  }),
  reads('GET /v1/subscription/{id}', ({ path }) => ({
    id: segment(path['id']),
    activity: true,
    next_payment_date: '2026-12-01',
  })),
  writes('POST /v1/subscription/modify_activity', ({ fields: { id, activity } = {} }) => {
    const isRight = isText(id) && (typeof activity === 'boolean' || typeof activity === 'number');
    return isRight ? { id, activity: Boolean(activity) } : new InvalidRequest();
  }),
  writes('POST /v1/product', () => ({ product_id: 5001 })),
  writes('POST /v1/generate_buy_link', () => ({ link: 'https://shop.softline.example/buy/7f3a9c' })),
  writes('POST /v1/payment', ({ fields: { order_id, external_id } = {} }) =>
    order(idNumber(JSON.stringify(order_id ?? 2001)), 'paid', isText(external_id) ? external_id : ''),
  ),
];

function isLonger(value: unknown, most: number): boolean {
  return typeof value === 'string' && value.length > most;
}

/** How softline speaks. */
export const SOFTLINE: Dialect<SoftlineCredentials> = {
  name: 'softline',
  settings: {},
  accessTtlSeconds: 86_400,
  refreshTtlSeconds: 86_400,

  tokenPaths: new Map([['/v1/login_check', 'login']]),
  readLogin: (x, fields) => {
    const refusal = refuseBody(x, fields);
    if (refusal !== undefined) return refusal;
    const presented = readTexts(fields, 'username', 'password');
    return typeof presented === 'string' ? invalid(1005) : { presented };
  },
  badCredentials: failure(401, 1006),
  // Whether logins are limited at all is NOT KNOWN; nor what the refusal would be.
  tooManyLogins: failure(429, 429),
  ownerOf: ({ username }) => username,
  mint: ({ owner, iat, exp }, settings) => ({
    access: makeSecret(settings, { iat, exp, username: owner }),
    // Given out and documented as unused [seed 001].
    refresh: settings.tokenPrefix + randomHex(19),
  }),
  // No expiry field: 24 hours from receipt [seed 001]. So there is nothing to leave out for `no-lifetime`.
  pairBody: ({ access, refresh }) => ({ token: access.secret, refresh_token: refresh.secret }),

  apiPrefix: '/v1/',
  operations: { softline: OPERATIONS },
  // Only this field counts; a request that has only `Authorization` is without a token [found, inferred].
  accessSecret: (req) => {
    const value = req.headers['authorizationjwt'];
    if (typeof value !== 'string' || value === '' || value === 'Bearer') return undefined;
    return value.startsWith('Bearer ') ? value.slice('Bearer '.length) : `not-bearer ${value}`;
  },
  deadToken: (reason, status) => failure(status, DEAD[reason]),
  refuseBody: (x, fields) => (x.entry.method === 'POST' ? refuseBody(x, fields)?.refused : undefined),
  // The error number for a field out of bounds is NOT KNOWN.
  invalid: () => failure(400, 110),
  notFound: failure(404, 404),
  wrap: (body) => body,
};
