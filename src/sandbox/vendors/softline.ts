import { idNumber, isText, parseFields, segment } from '../body.ts';
import type { Fields } from '../body.ts';
import type { CustomAnswer, Json } from '../answer.ts';
import type { ApiAnswer, Dialect, Grant, Refusal } from './dialect.ts';
import type { Exchange } from '../http.ts';
import { commonKnobs, type SoftlineKnobs } from '../knobs.ts';
import type { Verdict } from '../tokens.ts';
import type { Vendor } from '../vendor.ts';

/** What softline's login takes. */
export interface SoftlineCredentials {
  username: string;
  password: string;
}

/** Softline eCommerce. */
export type SoftlineVendor = Vendor<SoftlineKnobs, SoftlineCredentials>;

const LOGIN_PATH = '/v1/login_check';

// Error 1006 for a wrong password, 110, 111, 1005 for a malformed login [seed 001]; on API calls 1007,
// 1008, 1009 [found]. The texts of 1007 to 1009 are NOT KNOWN: only the numbers may be relied on.
const MESSAGES = {
  110: 'JSON is not valid.',
  111: 'Invalid data format (Content-type).',
  1005: 'Invalid authorization data.',
  1006: 'Bad credentials.',
  1007: 'Invalid JWT Token.',
  1008: 'JWT Token not found.',
  1009: 'Expired JWT Token.',
} as const;

type ErrorNumber = keyof typeof MESSAGES;

function failure(status: number, error: ErrorNumber): CustomAnswer {
  return { status, body: { errors: [{ error, message: MESSAGES[error] }] } };
}

function invalid(error: 110 | 111 | 1005): Refusal {
  return { refused: failure(400, error), outcome: 'invalid', reason: String(error) };
}

const DEAD: Record<Exclude<Verdict, 'ok'>, ErrorNumber> = { unknown: 1007, revoked: 1007, missing: 1008, expired: 1009 };

function isJsonRequest(x: Exchange): boolean {
  return /^application\/json\s*(;|$)/i.test(x.req.headers['content-type'] ?? '');
}

function login(x: Exchange, body: Buffer, accounts: readonly SoftlineCredentials[], knobs: SoftlineKnobs): Grant | Refusal {
  if (!isJsonRequest(x)) return invalid(111);
  const fields = parseFields(body);
  if (fields === null) return invalid(110);
  const { username, password } = fields;
  if (!isText(username) || !isText(password)) return invalid(1005);
  const known = accounts.some((account) => account.username === username && account.password === password);
  if (known) return { owner: username };
  return { refused: failure(knobs.badCredentialsStatus, 1006), outcome: 'refused', reason: 'bad-credentials' };
}

// The calls below are imitated from the English documentation [found]; fields not listed there are left out.
/** Undefined: a field is missing or out of bounds. */
type Call = (match: RegExpExecArray, fields: Fields) => Json | undefined;

interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** False for a read, whatever its method. */
  readonly applies: boolean;
  readonly call: Call;
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

const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: /^\/v1\/order\/([^/]+)$/,
    applies: false,
    call: (match) => order(idNumber(match[1]), 'paid'),
  },
  {
    // A read by POST. The key that holds its results is NOT KNOWN; `orders` is a guess.
    method: 'POST',
    path: /^\/v1\/order\/search$/,
    applies: false,
    call: () => ({ orders: [order(1001, 'paid'), order(1002, 'not paid')] }),
  },
  {
    method: 'POST',
    path: /^\/v1\/order\/([^/]+)\/refund$/,
    applies: true,
    call: (match, { description, email }) => {
      if (typeof description === 'string' && description.length > 500) return undefined;
      if (typeof email === 'string' && email.length > 80) return undefined;
      return { order_id: idNumber(match[1]), status: 'refund requested' };
    },
  },
  {
    method: 'GET',
    path: /^\/v1\/subscription\/([^/]+)$/,
    applies: false,
    call: (match) => ({ id: segment(match[1]), activity: true, next_payment_date: '2026-12-01' }),
  },
  {
    method: 'POST',
    path: /^\/v1\/subscription\/modify_activity$/,
    applies: true,
    call: (_match, { id, activity }) =>
      isText(id) && (typeof activity === 'boolean' || typeof activity === 'number')
        ? { id, activity: Boolean(activity) }
        : undefined,
  },
  { method: 'POST', path: /^\/v1\/product$/, applies: true, call: () => ({ product_id: 5001 }) },
  {
    method: 'POST',
    path: /^\/v1\/generate_buy_link$/,
    applies: true,
    call: () => ({ link: 'https://shop.softline.example/buy/7f3a9c' }),
  },
  {
    method: 'POST',
    path: /^\/v1\/payment$/,
    applies: true,
    call: (_match, { order_id, external_id }) =>
      order(idNumber(JSON.stringify(order_id ?? 2001)), 'paid', isText(external_id) ? external_id : ''),
  },
];

function api(x: Exchange, body: Buffer): ApiAnswer | null {
  if (x.path === LOGIN_PATH) return { answer: notFound(), applied: false, outcome: 'not-found' };
  for (const route of ROUTES) {
    if (route.method !== x.entry.method) continue;
    const match = route.path.exec(x.path);
    if (match === null) continue;
    let fields: Fields = {};
    if (route.method === 'POST') {
      // The login's rules for bodies are taken to hold for every call [inferred].
      if (!isJsonRequest(x)) return { answer: failure(400, 111), applied: false, outcome: 'invalid' };
      const parsed = parseFields(body);
      if (parsed === null) return { answer: failure(400, 110), applied: false, outcome: 'invalid' };
      fields = parsed;
    }
    const result = route.call(match, fields);
    // The error number for a field out of bounds is NOT KNOWN.
    if (result === undefined) return { answer: failure(400, 110), applied: false, outcome: 'invalid' };
    return { answer: { status: 200, body: result }, applied: route.applies };
  }
  return null;
}

// 404 is documented [seed 001], its body is NOT KNOWN.
function notFound(): CustomAnswer {
  return { status: 404, body: { errors: [{ error: 404, message: 'Not found.' }] } };
}

/** How softline speaks. */
export const SOFTLINE: Dialect<SoftlineKnobs, SoftlineCredentials> = {
  name: 'softline',
  apiPrefix: '/v1/',
  knobs: commonKnobs,
  initial: commonKnobs.parse({}),
  accessTtlSeconds: 86_400,
  refreshTtlSeconds: 86_400,
  refreshKnobs: () => null,
  tokenCall: (x) => (x.path === LOGIN_PATH && x.entry.method === 'POST' ? 'login' : null),
  login,
  readRefresh: () => invalid(1005),
  ownerOf: (credentials) => credentials.username,
  mint: (maker, minting, knobs) => ({
    access: maker.make(knobs.tokenShape, knobs.tokenPrefix, {
      iat: Math.floor(minting.nowMs / 1_000),
      exp: Math.floor(minting.accessEndsAt / 1_000),
      username: minting.owner,
    }),
    // Handed out and documented as unused [seed 001].
    refresh: knobs.tokenPrefix + maker.hex(19),
  }),
  // No expiry field: 24 hours from receipt [seed 001]. So there is nothing to leave out for `no-lifetime`.
  pairBody: (pair) => ({ token: pair.access.secret, refresh_token: pair.refresh?.secret ?? '' }),
  deadRefresh: () => notFound(),
  // Whether logins are limited at all is NOT KNOWN; nor what the refusal would be.
  overQuota: (knobs) => ({ status: knobs.quotaStatus, body: { errors: [{ error: 429, message: 'Too many requests.' }] } }),
  // Only this header counts; a request that has only `Authorization` is without a token [found, inferred].
  accessSecret: (req) => {
    const value = req.headers['authorizationjwt'];
    if (typeof value !== 'string' || value === '') return null;
    return value.startsWith('Bearer ') ? value.slice('Bearer '.length) : value === 'Bearer' ? null : `not-bearer ${value}`;
  },
  deadToken: (verdict, status) => failure(status, verdict === 'ok' ? 1007 : DEAD[verdict]),
  rateLimited: () => ({ status: 429, body: { errors: [{ error: 429, message: 'Too many requests.' }] } }),
  notFound,
  api,
  wrap: (body) => body,
};
