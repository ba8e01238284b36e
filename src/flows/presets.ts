import { STAND_IN } from './answer-login.ts';
import { flowSchema, type Flow, type FlowInput } from './flow.ts';
import { STAND_IN_NAME } from './stand-in.ts';

/** In place of an access token; with the caller's mark if callers have keys. */
const ACCESS_STAND_IN = `{${STAND_IN_NAME}=${STAND_IN}}`;
/** They differ, because some applications look. */
const REFRESH_STAND_IN = 'managed-by-tokenward-refresh';

type LoginAnswer = Omit<NonNullable<FlowInput['legacyLogin']>[number], 'path'>;

/**
 * Softline eCommerce. The login response has no expiry: a token lives 24 h from receipt, and its refresh_token is
 * documented as unused. The token has a header field of its own; a request with only `Authorization` counts as without
 * one. 1006 (bad credentials) is a refusal and causes no renewal.
 */
const softline: FlowInput = {
  baseUrl: 'https://api.ecommerce.softline.com',
  credentials: { username: 'required', password: 'required' },
  login: {
    url: '/v1/login_check',
    json: { username: '{username}', password: '{password}' },
    answer: { token: '/token' },
  },
  lifetime: 86_400,
  attach: { header: 'AuthorizationJWT', value: 'Bearer {token}' },
  invalid: [{ status: 401, body: { '/errors/*/error': [1007, 1008, 1009] } }],
  legacyLogin: [{ path: '/v1/login_check', answer: { token: ACCESS_STAND_IN, refresh_token: REFRESH_STAND_IN } }],
};

/** The lives are those that the vendor documents: 24 hours and 14 days. */
const CHATAPP_PAIR: LoginAnswer = {
  make: {
    userId: { number: '{cabinetUserId?}' },
    accessEnd: { time: 'unix', in: '24h' },
    refreshEnd: { time: 'unix', in: '336h' },
  },
  answer: {
    success: true,
    data: {
      cabinetUserId: '{userId?}',
      accessToken: ACCESS_STAND_IN,
      accessTokenEndTime: '{accessEnd}',
      refreshToken: REFRESH_STAND_IN,
      refreshTokenEndTime: '{refreshEnd}',
    },
  },
};

/**
 * ChatApp. The vendor asks to use the saved pair until `ApiInvalidTokenError` and not to renew by a timer, and grants
 * 100 tokens.make a day for an email and appId. The rejection's code counts with any status, 200 included; a 403
 * without it is about permissions. Whether a refresh ends the old pair is NOT KNOWN: treated as single use.
 */
const chatapp: FlowInput = {
  baseUrl: 'https://api.chatapp.online',
  credentials: { email: 'required', password: 'required', appId: 'required' },
  login: {
    url: '/v1/tokens',
    json: { email: '{email}', password: '{password}', appId: '{appId}' },
    answer: {
      token: '/data/accessToken',
      refreshToken: '/data/refreshToken',
      expiresAt: '/data/accessTokenEndTime',
      refreshExpiresAt: '/data/refreshTokenEndTime',
      // Told to applications that log in by themselves.
      cabinetUserId: '/data/cabinetUserId',
    },
    // Which status or code refuses a wrong password is NOT KNOWN; `success: false` in a 200 is a refusal as well.
    refused: [{ status: [400, 401, 403, 422] }, { status: 200, body: { '/success': false } }],
  },
  refresh: {
    url: '/v1/tokens/refresh',
    headers: { Refresh: '{refreshToken}' },
    answer: {
      token: '/data/accessToken',
      refreshToken: '/data/refreshToken',
      expiresAt: '/data/accessTokenEndTime',
      refreshExpiresAt: '/data/refreshTokenEndTime',
      // Told to applications that log in by themselves.
      cabinetUserId: '/data/cabinetUserId',
    },
    refused: [
      { body: { '/success': false, '/error/code': ['ApiInvalidRefreshTokenError', 'ApiInvalidTokenError'] } },
      { status: 200, body: { '/success': false } },
      { status: [400, 401, 403, 404, 409, 410, 419, 422, 440, 498] },
    ],
  },
  busy: [{ body: { '/success': false, '/error/code': 'ApiTooManyRequestsError' } }],
  attach: { header: 'Authorization', value: '{token}' },
  invalid: [{ body: { '/success': false, '/error/code': 'ApiInvalidTokenError' } }],
  renew: 'on-demand',
  budget: { logins: 100, per: 86_400, reserve: 20, by: ['email', 'appId'] },
  legacyLogin: ['/v1/tokens', '/v1/tokens/refresh'].map((path) => ({ path, ...CHATAPP_PAIR })),
};

/**
 * The longest lives that the vendor documents: 12 hours and a year. The claims are those of its samples; in the refresh
 * token's `jti` there is a whole access token.
 */
const TWIN_PAIR: LoginAnswer = {
  make: {
    access: {
      jwt: {
        lifetime: '12h',
        claims: { jti: `{${STAND_IN_NAME}?}` },
        tokenClaims: ['sub', 'company_id', 'roles', 'version'],
      },
    },
    refresh: { jwt: { lifetime: '8760h', claims: { jti: STAND_IN }, tokenClaims: ['version'] } },
  },
  answer: { token: '{access}', refreshToken: '{refresh}' },
};

/**
 * TWIN. One token serves several hosts. The documents' own samples disagree with the lifetimes they state, so the life
 * is the smaller of the JWT's `exp` and the ttl. The body of a 401 for an invalid (not expired) token is NOT KNOWN, so
 * any 401 counts. The refresh token's `jti` contains a whole access token.
 */
const twin: FlowInput = {
  baseUrl: 'https://iam.twin24.ai',
  credentials: { email: 'required', password: 'required', ttl: 'optional', companyId: 'optional', extra: 'optional' },
  login: {
    url: '/api/v1/auth/login',
    json: { email: '{email}', password: '{password}', ttl: '{ttl?}', companyId: '{companyId?}', extra: '{extra?}' },
    answer: { token: '/token', refreshToken: '/refreshToken', jwt: true },
  },
  refresh: {
    url: '/api/v1/auth/refresh',
    json: { refreshToken: '{refreshToken}', ttl: '{ttl?}' },
    answer: { token: '/token', refreshToken: '/refreshToken', jwt: true },
  },
  lifetime: 3_600,
  lifetimeFrom: 'ttl',
  attach: { header: 'Authorization', value: 'Bearer {token}' },
  invalid: [{ status: 401 }],
  legacyLogin: ['/api/v1/auth/login', '/api/v1/auth/refresh'].map((path) => ({ path, ...TWIN_PAIR })),
};

/** RFC 6749 §5.2: a token endpoint's refusals. Any other error decides nothing and is tried again. */
const OAUTH_REFUSALS = [
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_request',
];
/** Vendors' codes for a refresh token that they no longer know: GitHub, Zoho, Azure and others. */
const REFRESH_REFUSALS = [
  'invalid_token',
  'expired_token',
  'token_expired',
  'invalid_refresh_token',
  'bad_refresh_token',
  'invalid_code',
  'interaction_required',
  'consent_required',
  'login_required',
];

const oauthAnswer = {
  token: '/access_token',
  tokenType: '/token_type',
  refreshToken: '/refresh_token',
  expiresIn: '/expires_in',
};
const oauthClient = { id: '{clientId}', secret: '{clientSecret?}', auth: '{clientAuth=auto}' };

const oauthRefresh: FlowInput['refresh'] = {
  url: '{tokenUrl}',
  client: oauthClient,
  form: { grant_type: 'refresh_token', refresh_token: '{refreshToken}' },
  answer: oauthAnswer,
  refused: [
    { status: ['2xx', '4xx'], body: { '/error': [...OAUTH_REFUSALS, ...REFRESH_REFUSALS] } },
    // Gone, and some frameworks' statuses for an expired session, which mean nothing else.
    { status: [410, 419, 440, 498] },
  ],
};

/** What all OAuth 2.0 flows have in common. */
const oauthCommon = {
  busy: [{ body: { '/error': ['temporarily_unavailable', 'slow_down'] } }],
  attach: { header: 'Authorization', value: 'Bearer {token}' },
  // Not a missing permission (RFC 6750 §3.1), and not a required stronger login (RFC 9470) or proof (RFC 9449): a new
  // token helps with none of them.
  invalid: [
    {
      status: 401,
      unlessHeader: {
        'WWW-Authenticate': [
          'insufficient_scope',
          'insufficient_user_authentication',
          'use_dpop_nonce',
          'invalid_dpop_proof',
        ],
      },
    },
  ],
} satisfies Partial<FlowInput>;

/**
 * OAuth 2.0 token endpoint (RFC 6749): client credentials, or the password grant, and refresh tokens where it issues
 * some.
 */
const oauth2: FlowInput = {
  credentials: {
    tokenUrl: 'required',
    clientId: 'required',
    clientSecret: 'optional',
    clientAuth: 'optional',
    grantType: 'optional',
    username: 'optional',
    password: 'optional',
    scope: 'optional',
    audience: 'optional',
  },
  login: {
    url: '{tokenUrl}',
    client: oauthClient,
    form: {
      grant_type: '{grantType=client_credentials}',
      username: '{username?}',
      password: '{password?}',
      scope: '{scope?}',
      audience: '{audience?}',
    },
    answer: oauthAnswer,
    refused: [{ status: ['2xx', '4xx'], body: { '/error': OAUTH_REFUSALS } }],
  },
  refresh: oauthRefresh,
  ...oauthCommon,
};

/** The same without a login: the first refresh token, from a consent in a browser, is imported. */
const oauth2Refresh: FlowInput = {
  credentials: { tokenUrl: 'required', clientId: 'required', clientSecret: 'optional', clientAuth: 'optional' },
  refresh: oauthRefresh,
  ...oauthCommon,
};

/** A fixed API key: attached, never renewed. */
const staticPreset: FlowInput = {
  credentials: { token: 'required' },
  attach: { header: 'Authorization', value: 'Bearer {token}' },
  invalid: [{ status: 401 }],
};

/** The built-in flows, by the name that a configuration uses. */
export const PRESETS: Readonly<Record<string, Flow>> = Object.fromEntries(
  Object.entries({ softline, chatapp, twin, oauth2, 'oauth2-refresh': oauth2Refresh, static: staticPreset }).map(
    ([name, flow]) => [name, flowSchema.parse(flow)],
  ),
);
