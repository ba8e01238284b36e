import { randomUUID } from 'node:crypto';
import { isText, type Fields, type Json } from '../json.ts';
import type { CustomResponse } from '../response.ts';
import { renewableSettings, type RenewableSettings } from '../settings.ts';
import { makeSecret, seconds } from '../secrets.ts';
import type { Vendor } from '../vendor.ts';
import { idNumber, InvalidRequest, isMultipart, reads, segment, writes, type Operation } from './operations.ts';
import type { Dialect, LoginRequest, Refusal } from './dialect.ts';

/** What chatapp's tokens.make takes. */
export interface ChatappCredentials {
  email: string;
  password: string;
  appId: string;
}

/** ChatApp, the CRM's upstream. */
export type ChatappVendor = Vendor<RenewableSettings, ChatappCredentials>;

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
function deadRefresh(): CustomResponse {
  return failure(403, 'ApiInvalidRefreshTokenError', 'Invalid Refresh Token');
}

function readLogin(fields: Fields = {}): LoginRequest<ChatappCredentials> | Refusal {
  const { email, password, appId } = fields;
  if (isText(email) && isText(password) && isText(appId)) return { credentials: { email, password, appId } };
  const missing = isText(email) ? (isText(password) ? 'appId' : 'password') : 'email';
  return { refused: invalid(`The ${missing} field is required.`), outcome: 'invalid', reason: missing };
}

const MESSENGER = '/v1/licenses/{license}/messengers/{type}';

function message(chat: string | undefined): Json {
  return { id: randomUUID(), chatId: segment(chat) };
}

function callbackUrl(license: string | undefined, set: string | null): Json {
  return { licenseId: idNumber(license), callbackUrl: set };
}

// The calls below are imitated from public clients [found]; only their outer shape is vouched for.
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
  reads('GET /v1/me', (_path, _fields, { req }) => ({
    cabinetUserId: 104_233,
    email: 'crm@sandbox.example',
    lang: req.headers['lang'] ?? 'en',
  })),
  reads('GET /v1/tokens/check', () => ({ isValid: true })),
  reads('GET /v1/chats', () => ({
    items: [{ id: '79001234567@c.us', type: 'private', name: 'Ivan', licenseId: 5_120 }],
    nextPage: null,
  })),
  writes(`POST ${MESSENGER}/chats/{chat}/messages/text`, ({ chat }, fields) =>
    isText(fields?.['text']) ? message(chat) : new InvalidRequest('The text field is required.'),
  ),
  writes(`POST ${MESSENGER}/chats/{chat}/messages/file`, ({ chat }, _fields, x) =>
    isMultipart(x) ? message(chat) : new InvalidRequest('The file field is required.'),
  ),
  reads(`GET ${MESSENGER}/chats/{chat}/messages`, ({ chat }, _fields, x) => {
    const limit = Number(new URLSearchParams(x.query).get('limit') ?? 100);
    if (!(limit >= 1 && limit <= 100)) return new InvalidRequest('The limit may not be greater than 100.');
    return { items: [{ id: 'A1B2', chatId: segment(chat), side: 'in', time: 1_767_225_600 }], nextPage: null };
  }),
  writes(`PUT ${MESSENGER}/callbackUrl`, ({ license }) => callbackUrl(license, 'set')),
  writes(`DELETE ${MESSENGER}/callbackUrl`, ({ license }) => callbackUrl(license, null)),
];

/** How chatapp speaks. */
export const CHATAPP: Dialect<RenewableSettings, ChatappCredentials> = {
  name: 'chatapp',
  settings: renewableSettings,
  initial: {
    ...renewableSettings.parse({}),
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
  readLogin: (_x, fields) => readLogin(fields),
  // A refusal with success:false; its status and its code are NOT KNOWN.
  badCredentials: () => failure(401, 'ApiInvalidCredentialsError', 'Invalid credentials'),
  refresh: {
    read: (x) => {
      const secret = x.req.headers['refresh'];
      if (isText(secret)) return { secret };
      return { refused: deadRefresh(), outcome: 'refused', reason: 'missing' };
    },
    dead: deadRefresh,
  },
  // The limit of tokens.make counts per email and appId [seed 002].
  ownerOf: ({ email, appId }) => `${email}+${appId}`,
  mint: ({ nowMs, accessEndsAt, refreshEndsAt }, { tokenShape, tokenPrefix }) => {
    const iat = seconds(nowMs);
    return {
      access: makeSecret(tokenShape, tokenPrefix, { iat, exp: seconds(accessEndsAt) }),
      refresh: makeSecret(tokenShape, tokenPrefix, { iat, exp: seconds(refreshEndsAt) }),
    };
  },
  pairBody: ({ access, refresh }, { lifetime, refreshToken }) =>
    success({
      cabinetUserId: 104_233,
      accessToken: access.secret,
      ...(lifetime ? { accessTokenEndTime: seconds(access.endsAt) } : {}),
      ...(refreshToken === undefined ? {} : { refreshToken }),
      ...(lifetime && refreshToken !== undefined ? { refreshTokenEndTime: seconds(refresh.endsAt) } : {}),
    }),

  apiPrefix: '/v1/',
  operations: { chatapp: OPERATIONS },
  // The header is the token and nothing else: `Bearer …` is a token nobody knows [found].
  accessSecret: (req) => req.headers.authorization,
  // Code and message [seed 002]. That a missing token is answered in the same way is a guess.
  deadToken: (_verdict, status) => failure(status, 'ApiInvalidTokenError', 'Invalid Token'),
  invalid,
  // Status and code of the 101st login are NOT KNOWN; one client saw 429 [found].
  tooMany: () => failure(429, 'ApiTooManyRequestsError', 'Too Many Requests'),
  // Status and envelope as everywhere; the code is NOT KNOWN.
  notFound: () => failure(404, 'ApiNotFoundError', 'Not Found'),
  wrap: success,
};
