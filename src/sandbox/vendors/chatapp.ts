import { randomUUID } from 'node:crypto';
import { idNumber, isText, parseFields, segment } from '../body.ts';
import type { CustomAnswer, Json } from '../answer.ts';
import type { ApiAnswer, Dialect, Grant, PairStyle, Refusal, RefreshRequest } from './dialect.ts';
import type { Exchange } from '../http.ts';
import { chatappKnobs, type ChatappKnobs } from '../knobs.ts';
import type { Pair } from '../tokens.ts';
import type { Vendor } from '../vendor.ts';

/** What chatapp's tokens.make takes. */
export interface ChatappCredentials {
  email: string;
  password: string;
  appId: string;
}

/** ChatApp, the CRM's upstream. */
export type ChatappVendor = Vendor<ChatappKnobs, ChatappCredentials>;

const MAKE_PATH = '/v1/tokens';
const REFRESH_PATH = '/v1/tokens/refresh';

function failure(status: number, code: string, message: string): CustomAnswer {
  return { status, body: { success: false, error: { code, message } } };
}

function success(data: Json): Json {
  return { success: true, data };
}

// 422 for validation [found]; its code is NOT KNOWN.
function invalid(message: string): CustomAnswer {
  return failure(422, 'ApiValidationError', message);
}

/** Why a call of the vendor's own is refused by validation. */
class InvalidCall {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

function notFound(): CustomAnswer {
  // Status and envelope as everywhere; the code is NOT KNOWN.
  return failure(404, 'ApiNotFoundError', 'Not Found');
}

function login(_x: Exchange, body: Buffer, accounts: readonly ChatappCredentials[], knobs: ChatappKnobs): Grant | Refusal {
  const fields = parseFields(body);
  for (const name of ['email', 'password', 'appId']) {
    if (isText(fields?.[name])) continue;
    return { refused: invalid(`The ${name} field is required.`), outcome: 'invalid', reason: name };
  }
  const known = accounts.find(
    (account) =>
      account.email === fields?.['email'] &&
      account.password === fields['password'] &&
      account.appId === fields['appId'],
  );
  if (known !== undefined) return { owner: ownerOf(known) };
  return {
    // A refusal with success:false; its status and its code are NOT KNOWN.
    refused: failure(knobs.badCredentialsStatus, 'ApiInvalidCredentialsError', 'Invalid credentials'),
    outcome: 'refused',
    reason: 'bad-credentials',
  };
}

// The limit of tokens.make counts per email and appId [seed 002].
function ownerOf(credentials: ChatappCredentials): string {
  return `${credentials.email}+${credentials.appId}`;
}

function readRefresh(x: Exchange, _body: Buffer, knobs: ChatappKnobs): RefreshRequest | Refusal {
  const secret = x.req.headers['refresh'];
  if (isText(secret)) return { secret };
  return { refused: deadRefresh(knobs.deadRefreshStatus), outcome: 'refused', reason: 'missing' };
}

// The code is [found]; the status it comes with is not firmly established, hence the knob.
function deadRefresh(status: number): CustomAnswer {
  return failure(status, 'ApiInvalidRefreshTokenError', 'Invalid Refresh Token');
}

function pairBody(pair: Pair, style: PairStyle): Json {
  const data: Record<string, Json> = { cabinetUserId: 104_233, accessToken: pair.access.secret };
  if (style.lifetime) data['accessTokenEndTime'] = seconds(pair.access.endsAt);
  if (style.refresh !== 'omit') {
    data['refreshToken'] = style.refresh === 'empty' ? '' : (pair.refresh?.secret ?? '');
    if (style.lifetime && pair.refresh !== null) data['refreshTokenEndTime'] = seconds(pair.refresh.endsAt);
  }
  return success(data);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

// The calls below are imitated from public clients [found]; only their outer shape is vouched for.
interface Route {
  readonly methods: readonly string[];
  readonly path: RegExp;
  readonly applies: boolean;
  readonly call: (match: RegExpExecArray, x: Exchange, body: Buffer) => Json | InvalidCall;
}

const MESSENGER = String.raw`^/v1/licenses/([^/]+)/messengers/([^/]+)`;

function message(chat: string | undefined): Json {
  return { id: randomUUID(), chatId: segment(chat) };
}

const ROUTES: readonly Route[] = [
  {
    methods: ['GET'],
    path: /^\/v1\/licenses$/,
    applies: false,
    call: () => [
      {
        licenseId: 5_120,
        licenseTo: 1_893_456_000,
        licenseName: 'Sandbox',
        messenger: [
          { type: 'grWhatsApp', name: 'WhatsApp' },
          { type: 'telegram', name: 'Telegram' },
        ],
      },
    ],
  },
  {
    methods: ['GET'],
    path: /^\/v1\/me$/,
    applies: false,
    call: (_match, x) => ({ cabinetUserId: 104_233, email: 'crm@sandbox.example', lang: x.req.headers['lang'] ?? 'en' }),
  },
  { methods: ['GET'], path: /^\/v1\/tokens\/check$/, applies: false, call: () => ({ isValid: true }) },
  {
    methods: ['GET'],
    path: /^\/v1\/chats$/,
    applies: false,
    call: () => ({ items: [{ id: '79001234567@c.us', type: 'private', name: 'Ivan', licenseId: 5_120 }], nextPage: null }),
  },
  {
    methods: ['POST'],
    path: new RegExp(`${MESSENGER}/chats/([^/]+)/messages/text$`),
    applies: true,
    call: (match, _x, body) => 
      isText(parseFields(body)?.['text']) ? message(match[3]) : new InvalidCall('The text field is required.'),
  },
  {
    methods: ['POST'],
    path: new RegExp(`${MESSENGER}/chats/([^/]+)/messages/file$`),
    applies: true,
    call: (match, x) =>
      /^multipart\/form-data\s*;/i.test(x.req.headers['content-type'] ?? '')
        ? message(match[3])
        : new InvalidCall('The file field is required.'),
  },
  {
    methods: ['GET'],
    path: new RegExp(`${MESSENGER}/chats/([^/]+)/messages$`),
    applies: false,
    call: (match, x) => {
      const limit = new URLSearchParams(x.query).get('limit');
      if (limit !== null && !(Number(limit) >= 1 && Number(limit) <= 100)) {
        return new InvalidCall('The limit may not be greater than 100.');
      }
      return { items: [{ id: 'A1B2', chatId: segment(match[3]), side: 'in', time: 1_767_225_600 }], nextPage: null };
    },
  },
  {
    methods: ['PUT', 'DELETE'],
    path: new RegExp(`${MESSENGER}/callbackUrl$`),
    applies: true,
    call: (match, x) => ({ licenseId: idNumber(match[1]), callbackUrl: x.entry.method === 'PUT' ? 'set' : null }),
  },
];

function api(x: Exchange, body: Buffer): ApiAnswer | null {
  if (x.path === MAKE_PATH || x.path === REFRESH_PATH) return { answer: notFound(), applied: false, outcome: 'not-found' };
  for (const route of ROUTES) {
    if (!route.methods.includes(x.entry.method)) continue;
    const match = route.path.exec(x.path);
    if (match === null) continue;
    const result = route.call(match, x, body);
    if (result instanceof InvalidCall) return { answer: invalid(result.message), applied: false, outcome: 'invalid' };
    return { answer: { status: 200, body: success(result) }, applied: route.applies };
  }
  return null;
}

/** How chatapp speaks. */
export const CHATAPP: Dialect<ChatappKnobs, ChatappCredentials> = {
  name: 'chatapp',
  apiPrefix: '/v1/',
  knobs: chatappKnobs,
  initial: {
    ...chatappKnobs.parse({}),
    tokenShape: 'bcrypt',
    // 100 a day per email and appId [seed 002]. Status and code of the 101st, and when the day starts,
    // are NOT KNOWN; one client saw 429 [found].
    quotaLimit: 100,
    quotaStatus: 429,
    quotaCode: 'ApiTooManyRequestsError',
    // 403 in the one client that pins it [found].
    deadTokenStatus: 403,
    deadRefreshStatus: 403,
    // 50 requests a second per IP are documented [found]; off here, so that load tests are not cut short.
    rateLimitPerSecond: null,
  },
  accessTtlSeconds: 86_400,
  refreshTtlSeconds: 14 * 86_400,
  refreshKnobs: (knobs) => knobs,
  tokenCall: (x) => {
    if (x.entry.method !== 'POST') return null;
    return x.path === MAKE_PATH ? 'login' : x.path === REFRESH_PATH ? 'refresh' : null;
  },
  login,
  readRefresh,
  ownerOf,
  mint: (maker, minting, knobs) => {
    const iat = seconds(minting.nowMs);
    return {
      access: maker.make(knobs.tokenShape, knobs.tokenPrefix, { iat, exp: seconds(minting.accessEndsAt) }),
      refresh: maker.make(knobs.tokenShape, knobs.tokenPrefix, { iat, exp: seconds(minting.refreshEndsAt) }),
    };
  },
  pairBody,
  deadRefresh,
  overQuota: (knobs) => failure(knobs.quotaStatus, knobs.quotaCode, 'Too Many Requests'),
  // The header is the token and nothing else: `Bearer …` is a token nobody knows [found].
  accessSecret: (req) => req.headers.authorization ?? null,
  // Code and message [seed 002]. That a missing token is answered in the same way is a guess.
  deadToken: (_verdict, status) => failure(status, 'ApiInvalidTokenError', 'Invalid Token'),
  rateLimited: () => failure(429, 'ApiTooManyRequestsError', 'Too Many Requests'),
  notFound,
  api,
  wrap: success,
};
