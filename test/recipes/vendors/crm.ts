import { hashDiffers, signedJwt, zadarma, type AppKey } from '../signatures.ts';
import { basic, json, text, type Vendor } from '../vendor.ts';
import {
  BEARER,
  client,
  CLIENT_IN_FORM,
  granted,
  grantedPair,
  JWT_BEARER,
  oauthError,
  refreshes,
  secret,
  UNAUTHORIZED,
} from './common.ts';

/** CRM, accounting and office. */
export function crm(appKey: AppKey): Vendor[] {
  const salesforce = {
    api: 'https://acme.my.salesforce.com',
    expect: BEARER,
    killed: json(401, [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }]),
    busy: json(400, { error: 'invalid_grant', error_description: 'login rate exceeded' }),
  };
  const instance = granted({ expires_in: undefined, instance_url: 'https://acme.my.salesforce.com' });
  return [
    {
      ...salesforce,
      recipe: 'salesforce-client-credentials',
      credentials: { ...client(), domain: 'acme.my.salesforce.com' },
      steps: [
        {
          at: 'POST https://acme.my.salesforce.com/services/oauth2/token',
          expect: { form: { grant_type: 'client_credentials', ...CLIENT_IN_FORM.form } },
          reply: instance,
        },
      ],
      refused: oauthError('invalid_client'),
    },
    {
      ...salesforce,
      recipe: 'salesforce-jwt',
      credentials: { clientId: 'app-1', username: 'robot@acme.example', privateKey: appKey.key },
      steps: [
        {
          at: 'POST https://login.salesforce.com/services/oauth2/token',
          expect: {
            form: {
              grant_type: JWT_BEARER,
              assertion: signedJwt('RS256', appKey, 300, {
                iss: '<clientId>',
                sub: '<username>',
                aud: 'https://login.salesforce.com',
              }),
            },
          },
          reply: instance,
        },
      ],
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'zoho',
      credentials: client(),
      refreshes: 'same',
      steps: [
        refreshes(
          'https://accounts.zoho.com/oauth/v2/token',
          CLIENT_IN_FORM,
          granted({ api_domain: 'https://www.zohoapis.com' }),
        ),
      ],
      expect: { headers: { authorization: 'Zoho-oauthtoken <token>' } },
      killed: json(401, { code: 'INVALID_TOKEN', details: {}, message: 'invalid oauth token', status: 'error' }),
      busy: json(400, {
        error: 'Access Denied',
        error_description: 'You have made too many requests continuously.',
        status: 'failure',
      }),
      refused: json(200, { error: 'invalid_code' }),
    },
    {
      recipe: 'kommo',
      credentials: { ...client(), subdomain: 'acme', redirectUri: 'https://acme.example/back' },
      refreshes: 'rotates',
      steps: [
        {
          at: 'POST https://acme.kommo.com/oauth2/access_token',
          expect: {
            json: {
              grant_type: 'refresh_token',
              client_id: '<clientId>',
              client_secret: '<clientSecret>',
              redirect_uri: '<redirectUri>',
              refresh_token: '<refresh>',
            },
          },
          reply: grantedPair(),
        },
      ],
      expect: BEARER,
      killed: json(401, { title: 'Unauthorized', status: 401, detail: 'Access token has expired' }),
      refused: json(400, { hint: 'Token has been revoked', title: 'Invalid request', status: 400 }),
    },
    {
      recipe: 'bitrix24',
      credentials: client(),
      refreshes: 'rotates',
      steps: [
        {
          at: 'GET https://oauth.bitrix24.tech/oauth/token/',
          expect: {
            query: { grant_type: 'refresh_token', refresh_token: '<refresh>', ...CLIENT_IN_FORM.form },
          },
          reply: json(200, {
            access_token: '<token>',
            refresh_token: '<refresh>',
            expires_in: 3600,
            client_endpoint: 'https://acme.bitrix24.com/rest/',
            status: 'L',
          }),
        },
      ],
      api: 'https://acme.bitrix24.com/rest/',
      expect: { query: { auth: '<token>' } },
      killed: json(401, { error: 'expired_token', error_description: 'The access token provided has expired.' }),
      busy: json(503, { error: 'QUERY_LIMIT_EXCEEDED', error_description: 'Too many requests' }),
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'hubspot',
      credentials: client(),
      refreshes: 'same',
      steps: [refreshes('https://api.hubapi.com/oauth/v3/token', CLIENT_IN_FORM)],
      expect: BEARER,
      killed: json(401, { status: 'error', category: 'EXPIRED_AUTHENTICATION', message: 'The token expired' }),
      refused: json(400, { status: 'BAD_REFRESH_TOKEN', message: 'missing or invalid refresh token' }),
    },
    {
      recipe: 'vtiger',
      credentials: { user: 'robot', accessKey: secret('accessKey') },
      steps: [
        {
          at: 'GET https://crm.example/webservice.php',
          isLogin: ({ query }) => query.includes('getchallenge'),
          expect: { query: { operation: 'getchallenge', username: '<user>' } },
          reply: json(200, { success: true, result: { token: 'challenge-1', serverTime: 1, expireTime: 300 } }),
        },
        {
          at: 'POST https://crm.example/webservice.php',
          isLogin: ({ body }) => body.includes('operation=login'),
          expect: {
            form: {
              operation: 'login',
              username: '<user>',
              accessKey: (found, { accessKey = '' }) => hashDiffers('md5', found, `challenge-1${accessKey}`),
            },
          },
          reply: json(200, { success: true, result: { sessionName: '<token>', userId: '19x1' } }),
        },
      ],
      path: '/webservice.php',
      expect: { query: { sessionName: '<token>' } },
      killed: json(200, {
        success: false,
        error: { code: 'INVALID_SESSIONID', message: 'Session Identifier invalid' },
      }),
      refused: json(200, { success: false, error: { code: 'INVALID_USER_CREDENTIALS', message: 'Invalid' } }),
    },
    {
      recipe: 'docuware',
      credentials: { user: 'robot', password: secret('password') },
      steps: [
        {
          at: 'GET https://acme.docuware.cloud/DocuWare/Platform/Home/IdentityServiceInfo',
          expect: {},
          reply: json(200, { IdentityServiceUrl: 'https://login-emea.docuware.cloud/acme' }),
        },
        {
          at: 'GET https://login-emea.docuware.cloud/acme/.well-known/openid-configuration',
          expect: {},
          reply: json(200, { token_endpoint: 'https://login-emea.docuware.cloud/acme/connect/token' }),
        },
        {
          at: 'POST https://login-emea.docuware.cloud/acme/connect/token',
          expect: {
            form: {
              grant_type: 'password',
              scope: 'docuware.platform',
              client_id: 'docuware.platform.net.client',
              username: '<user>',
              password: '<password>',
            },
          },
          reply: granted(),
        },
      ],
      expect: BEARER,
      killed: json(401, { Message: 'Unauthorized' }),
      // The first of the calls has no credentials to refuse; one who is asked says so.
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'xero',
      credentials: client(),
      refreshes: 'rotates',
      steps: [
        refreshes('https://identity.xero.com/connect/token', {
          headers: { authorization: basic('<clientId>:<clientSecret>') },
        }),
        {
          at: 'GET https://api.xero.com/connections',
          expect: BEARER,
          reply: json(200, [{ id: 'c-1', tenantId: 'tenant-of-acme', tenantType: 'ORGANISATION' }]),
        },
      ],
      expect: { headers: { authorization: 'Bearer <token>', 'xero-tenant-id': 'tenant-of-acme' } },
      killed: json(401, { Title: 'Unauthorized', Status: 401, Detail: 'TokenExpired' }),
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'quickbooks',
      credentials: client(),
      refreshes: 'rotates',
      steps: [
        refreshes(
          'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
          { headers: { authorization: basic('<clientId>:<clientSecret>') } },
          grantedPair({ token_type: 'bearer', x_refresh_token_expires_in: 8_726_400 }),
        ),
      ],
      expect: BEARER,
      killed: json(401, { fault: { error: [{ message: 'AuthenticationFailed', code: '3200' }] } }),
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'docusign',
      credentials: { clientId: 'app-1', userId: 'user-1', privateKey: appKey.key },
      steps: [
        {
          at: 'POST https://account.docusign.com/oauth/token',
          expect: {
            form: {
              grant_type: JWT_BEARER,
              assertion: signedJwt('RS256', appKey, 3_600, {
                iss: '<clientId>',
                sub: '<userId>',
                aud: 'account.docusign.com',
                scope: 'signature impersonation',
              }),
            },
          },
          reply: granted(),
        },
        {
          at: 'GET https://account.docusign.com/oauth/userinfo',
          expect: BEARER,
          reply: json(200, { sub: 'user-1', accounts: [{ account_id: 'a-1', base_uri: 'https://eu.docusign.net' }] }),
        },
      ],
      api: 'https://eu.docusign.net/restapi',
      expect: BEARER,
      killed: json(401, { errorCode: 'USER_AUTHENTICATION_FAILED', message: 'The token has expired' }),
      refused: oauthError('consent_required'),
    },
    {
      recipe: 'atlassian',
      credentials: client(),
      refreshes: 'rotates',
      steps: [
        {
          at: 'POST https://auth.atlassian.com/oauth/token',
          expect: {
            json: {
              grant_type: 'refresh_token',
              client_id: '<clientId>',
              client_secret: '<clientSecret>',
              refresh_token: '<refresh>',
            },
          },
          reply: grantedPair(),
        },
        {
          at: 'GET https://api.atlassian.com/oauth/token/accessible-resources',
          expect: BEARER,
          reply: json(200, [{ id: 'site-1', name: 'acme', url: 'https://acme.atlassian.net', scopes: [] }]),
        },
      ],
      api: 'https://api.atlassian.com/ex/jira/site-1',
      expect: BEARER,
      killed: json(401, { code: 401, message: 'Unauthorized' }),
      refused: oauthError('invalid_grant', 403),
    },
    {
      recipe: 'zoom',
      credentials: { ...client(), accountId: 'account-1' },
      steps: [
        {
          at: 'POST https://zoom.us/oauth/token',
          expect: {
            headers: { authorization: basic('<clientId>:<clientSecret>') },
            form: { grant_type: 'account_credentials', account_id: '<accountId>' },
          },
          reply: granted({ token_type: 'bearer' }),
        },
      ],
      expect: BEARER,
      killed: json(401, { code: 124, message: 'Access token is expired.' }),
      refused: json(400, { reason: 'Invalid client_id or client_secret', error: 'invalid_client' }),
    },
    {
      recipe: 'slack',
      credentials: client(),
      refreshes: 'rotates',
      steps: [
        refreshes(
          'https://slack.com/api/oauth.v2.access',
          { headers: { authorization: basic('<clientId>:<clientSecret>') } },
          json(200, {
            ok: true,
            access_token: '<token>',
            token_type: 'bot',
            refresh_token: '<refresh>',
            expires_in: 43_200,
          }),
        ),
      ],
      expect: BEARER,
      killed: json(200, { ok: false, error: 'token_expired' }),
      busy: json(200, { ok: false, error: 'ratelimited' }),
      refused: json(200, { ok: false, error: 'invalid_refresh_token' }),
    },
    {
      recipe: 'dropbox',
      credentials: client(),
      refreshes: 'same',
      steps: [refreshes('https://api.dropboxapi.com/oauth2/token', CLIENT_IN_FORM, granted({ token_type: 'bearer' }))],
      expect: BEARER,
      killed: json(401, { error_summary: 'expired_access_token/', error: { '.tag': 'expired_access_token' } }),
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'glpi',
      credentials: { userToken: secret('userToken'), appToken: secret('appToken') },
      steps: [
        {
          at: 'GET https://glpi.example/apirest.php/initSession',
          expect: { headers: { authorization: 'user_token <userToken>', 'app-token': '<appToken>' } },
          reply: json(200, { session_token: '<token>' }),
        },
      ],
      expect: { headers: { 'session-token': '<token>', 'app-token': '<appToken>' } },
      killed: json(401, ['ERROR_SESSION_TOKEN_INVALID', 'The session token is invalid']),
      refused: json(401, ['ERROR_GLPI_LOGIN_USER_TOKEN', 'The user token is invalid']),
    },
    {
      recipe: 'zabbix',
      credentials: { user: 'robot', password: secret('password') },
      steps: [
        {
          at: 'POST https://zabbix.example/api_jsonrpc.php',
          isLogin: ({ body }) => body.includes('user.login'),
          expect: {
            json: {
              jsonrpc: '2.0',
              method: 'user.login',
              params: { username: '<user>', password: '<password>' },
              id: 1,
            },
          },
          reply: json(200, { jsonrpc: '2.0', result: '<token>', id: 1 }),
        },
      ],
      path: '/api_jsonrpc.php',
      expect: BEARER,
      killed: rpcError(-32_602, 'Session terminated, re-login, please.'),
      refused: rpcError(-32_500, 'Login name or password is incorrect.'),
    },
    {
      recipe: 'tableau',
      credentials: { tokenName: 'proxy', tokenSecret: secret('tokenSecret') },
      steps: [
        {
          at: 'POST https://tableau.example/api/3.24/auth/signin',
          expect: {
            json: {
              credentials: {
                personalAccessTokenName: '<tokenName>',
                personalAccessTokenSecret: '<tokenSecret>',
                site: { contentUrl: '' },
              },
            },
          },
          reply: json(200, { credentials: { token: '<token>', site: { id: 's-1' }, user: { id: 'u-1' } } }),
        },
      ],
      expect: { headers: { 'x-tableau-auth': '<token>' } },
      killed: text(
        401,
        'application/xml',
        `<?xml version='1.0'?><tsResponse xmlns="http://tableau.com/api"><error code="401002"><summary>Unauthorized Access</summary></error></tsResponse>`,
      ),
      refused: json(401, { error: { summary: 'Signin Error', detail: 'Error signing in', code: '401001' } }),
    },
    {
      recipe: 'mandrill',
      credentials: { apiKey: secret('apiKey') },
      expect: { json: { key: '<apiKey>' } },
      killed: json(500, { status: 'error', code: -1, name: 'Invalid_Key', message: 'Invalid API key' }),
    },
    {
      recipe: 'whmcs',
      credentials: { identifier: secret('identifier'), secret: secret('secret') },
      clientForm: { action: 'GetClients' },
      expect: { form: { identifier: '<identifier>', secret: '<secret>' } },
      killed: json(403, { result: 'error', message: 'Invalid or missing credentials' }),
    },
    {
      recipe: 'telegram-bot',
      credentials: { botToken: `1234567:${secret('botToken')}` },
      expect: { path: '/bot<botToken>' },
      killed: json(401, { ok: false, error_code: 401, description: 'Unauthorized' }),
    },
    {
      recipe: 'twitch',
      credentials: client(),
      steps: [
        {
          at: 'POST https://id.twitch.tv/oauth2/token',
          expect: { form: { grant_type: 'client_credentials', ...CLIENT_IN_FORM.form } },
          reply: granted({ token_type: 'bearer' }),
        },
      ],
      expect: { headers: { authorization: 'Bearer <token>', 'client-id': '<clientId>' } },
      killed: json(401, { error: 'Unauthorized', status: 401, message: 'Invalid OAuth token' }),
      refused: json(403, { status: 403, message: 'invalid client secret' }),
    },
    {
      recipe: 'zadarma',
      credentials: { key: 'key-1', secret: secret('secret') },
      expect: { whole: zadarma },
      killed: UNAUTHORIZED,
    },
  ];
}

function rpcError(code: number, data: string): ReturnType<typeof json> {
  return json(200, { jsonrpc: '2.0', error: { code, message: 'Invalid params.', data }, id: 1 });
}
