import { randomUUID } from 'node:crypto';
import { isText, readTexts, type Json } from '../json.ts';
import type { CustomResponse } from '../response.ts';
import { makeSecret, seconds } from '../secrets.ts';
import type { Vendor } from '../vendor.ts';
import type { Dialect } from './dialect.ts';
import { idNumber, InvalidRequest, isMultipart, reads, segment, writes, type Operation } from './operations.ts';

/** What chatapp's tokens.make takes. */
export type ChatappCredentials = Record<'email' | 'password' | 'appId', string>;

/** ChatApp, the CRM's upstream. */
export type ChatappVendor = Vendor<ChatappCredentials>;

function failure(status: number, code: string, message: string): CustomResponse {
  return { status, body: { success: false, error: { code, message } } };
}

function success(data: Json): Json {
  return { success: true, data };
}

// 422 for validation [found]; its code is NOT KNOWN.
function invalid(message: string): CustomResponse {
  return failure(422, 'ApiValidationError', message);
}

// The code is [found]; 403 in the one client that pins it [found].
const DEAD_REFRESH = failure(403, 'ApiInvalidRefreshTokenError', 'Invalid Refresh Token');

const MESSENGER = '/v1/licenses/{license}/messengers/{type}';

function message(chat: string | undefined): Json {
  return { id: randomUUID(), chatId: segment(chat) };
}

function callbackUrl(license: string | undefined, set: string | null): Json {
  return { licenseId: idNumber(license), callbackUrl: set };
}

// Imitated from public clients [found]; only their outer shape is vouched for.
const OPERATIONS: readonly Operation[] = [
  reads('GET /v1/licenses', () => [
    {
      licenseId: 5_120,
      licenseTo: 1_893_456_000,
      licenseName: 'Sandbox',
      messenger: [
        { type: 'grWhatsApp', name: 'WhatsApp' },
        { type: 'telegram', name: 'Telegram' },
      ],
    },
  ]),
  reads('GET /v1/me', ({ x }) => ({
    cabinetUserId: 104_233,
    email: 'crm@sandbox.example',
    lang: x.req.headers['lang'] ?? 'en',
  })),
  reads('GET /v1/tokens/check', () => ({ isValid: true })),
  reads('GET /v1/chats', () => ({
    items: [{ id: '79001234567@c.us', type: 'private', name: 'Ivan', licenseId: 5_120 }],
    nextPage: null,
  })),
  writes(`POST ${MESSENGER}/chats/{chat}/messages/text`, ({ path, fields }) =>
    isText(fields?.['text']) ? message(path['chat']) : new InvalidRequest('The text field is required.'),
  ),
  writes(`POST ${MESSENGER}/chats/{chat}/messages/file`, ({ path, x }) =>
    isMultipart(x) ? message(path['chat']) : new InvalidRequest('The file field is required.'),
  ),
  reads(`GET ${MESSENGER}/chats/{chat}/messages`, ({ path, x }) => {
    const limit = Number(new URLSearchParams(x.query).get('limit') ?? 100);
    if (!(limit >= 1 && limit <= 100)) return new InvalidRequest('The limit may not be greater than 100.');
    return { items: [{ id: 'A1B2', chatId: segment(path['chat']), side: 'in', time: 1_767_225_600 }], nextPage: null };
  }),
  writes(`PUT ${MESSENGER}/callbackUrl`, ({ path }) => callbackUrl(path['license'], 'set')),
  writes(`DELETE ${MESSENGER}/callbackUrl`, ({ path }) => callbackUrl(path['license'], null)),
];

/** How chatapp speaks. */
export const CHATAPP: Dialect<ChatappCredentials> = {
  name: 'chatapp',
  settings: {
    tokenShape: 'bcrypt',
    // 100 a day per email and appId [seed 002]; when the day starts is NOT KNOWN.
    quotaLimit: 100,
    // 403 in the one client that pins it [found].
    deadTokenStatus: 403,
  },
  accessTtlSeconds: 86_400,
  refreshTtlSeconds: 14 * 86_400,

  tokenPaths: new Map([
    ['/v1/tokens', 'login'],
    ['/v1/tokens/refresh', 'refresh'],
  ]),
  readLogin: (_x, fields) => {
    const presented = readTexts(fields, 'email', 'password', 'appId');
    if (typeof presented !== 'string') return { presented };
    return { refused: invalid(`The ${presented} field is required.`), outcome: 'invalid', reason: presented };
  },
  // A refusal with success:false; its status and its code are NOT KNOWN.
  badCredentials: failure(401, 'ApiInvalidCredentialsError', 'Invalid credentials'),
  // Status and code of the 101st login are NOT KNOWN; one client saw 429 [found].
  tooManyLogins: failure(429, 'ApiTooManyRequestsError', 'Too Many Requests'),
  refresh: {
    read: (x) => {
      const refreshToken = x.req.headers['refresh'];
      if (isText(refreshToken)) return { presented: { refreshToken } };
      return { refused: DEAD_REFRESH, outcome: 'refused', reason: 'missing' };
    },
    dead: DEAD_REFRESH,
  },
  // The limit of tokens.make counts per email and appId [seed 002].
  ownerOf: ({ email, appId }) => `${email}+${appId}`,
  mint: ({ iat, exp, refreshExp }, settings) => ({
    access: makeSecret(settings, { iat, exp }),
    refresh: makeSecret(settings, { iat, exp: refreshExp }),
  }),
  pairBody: ({ access, refresh }, { lifetime, refreshToken }) =>
    success({
      cabinetUserId: 104_233,
      accessToken: access.secret,
      accessTokenEndTime: lifetime ? seconds(access.endsAt) : undefined,
      refreshToken,
      refreshTokenEndTime: lifetime && refreshToken !== undefined ? seconds(refresh.endsAt) : undefined,
    }),

  apiPrefix: '/v1/',
  operations: { chatapp: OPERATIONS },
  // The field is the token and nothing else: `Bearer …` is a token nobody knows [found].
  accessSecret: (req) => req.headers.authorization,
  // Code and message [seed 002]. That a missing token gets the same response is a guess.
  deadToken: (_reason, status) => failure(status, 'ApiInvalidTokenError', 'Invalid Token'),
  invalid,
  // Status and envelope as everywhere; the code is NOT KNOWN.
  notFound: failure(404, 'ApiNotFoundError', 'Not Found'),
  wrap: success,
};
