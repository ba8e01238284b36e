import { hashDiffers } from '../signatures.ts';
import { basic, json, text, type Vendor } from '../vendor.ts';
import { BEARER, client, CLIENT_IN_FORM, granted, oauthError, refreshes, secret, UNAUTHORIZED } from './common.ts';

/** ERP, shops, payment and delivery. */
export function erp(): Vendor[] {
  const user = { user: 'robot', password: secret('password') };
  return [
    {
      recipe: 'sap-business-one',
      credentials: { ...user, company: 'SBODEMO' },
      steps: [
        {
          at: 'POST https://b1.example:50000/b1s/v2/Login',
          expect: { json: { CompanyDB: '<company>', UserName: '<user>', Password: '<password>' } },
          reply: json(
            200,
            { SessionId: '<token>', Version: '1000200', SessionTimeout: 30 },
            { 'set-cookie': ['B1SESSION=<token>; HttpOnly; Secure', 'ROUTEID=.node2; path=/; Secure'] },
          ),
        },
      ],
      expect: { cookies: { B1SESSION: '<token>', ROUTEID: '.node2' } },
      killed: json(401, { error: { code: '301', message: 'Invalid session or session already timeout.' } }),
      refused: json(401, { error: { code: '100000027', message: 'Login failed' } }),
    },
    {
      recipe: 'sap-gateway',
      credentials: { ...user, service: 'ZORDERS_SRV' },
      steps: [
        {
          at: 'GET https://sap.example:44300/sap/opu/odata/sap/ZORDERS_SRV/',
          isLogin: ({ headers }) => headers['x-csrf-token'] === 'Fetch',
          expect: { headers: { authorization: basic('<user>:<password>'), 'x-csrf-token': 'Fetch' } },
          reply: text(200, 'application/atomsvc+xml', '<service/>', {
            'x-csrf-token': '<token>',
            'set-cookie': ['sap-usercontext=sap-client=100; path=/', 'SAP_SESSIONID_A4H_100=s<token>%3d; path=/'],
          }),
        },
      ],
      path: '/sap/opu/odata/sap/ZORDERS_SRV/',
      expect: {
        headers: { authorization: basic('<user>:<password>'), 'x-csrf-token': '<token>' },
        cookies: { SAP_SESSIONID_A4H_100: 's<token>%3d', 'sap-usercontext': 'sap-client=100' },
      },
      killed: text(403, 'text/plain', 'CSRF token validation failed', { 'x-csrf-token': 'Required' }),
      refused: text(401, 'text/html', '<html><h1>Anmeldung fehlgeschlagen</h1></html>'),
    },
    {
      recipe: 'magento',
      credentials: { username: 'robot', password: secret('password') },
      steps: [
        {
          at: 'POST https://shop.example/rest/V1/integration/admin/token',
          expect: { json: { username: '<username>', password: '<password>' } },
          reply: json(200, '<token>'),
        },
      ],
      expect: BEARER,
      killed: json(401, { message: "The consumer isn't authorized to access %resources." }),
      refused: json(401, {
        message:
          'The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later.',
      }),
    },
    {
      recipe: 'iiko-cloud',
      credentials: { apiLogin: secret('apiLogin') },
      steps: [
        {
          at: 'POST https://api-ru.iiko.services/api/1/access_token',
          expect: { json: { apiLogin: '<apiLogin>' } },
          reply: json(200, { correlationId: 'c-1', token: '<token>' }),
        },
      ],
      expect: BEARER,
      killed: json(401, { correlationId: 'c-2', errorDescription: 'Token is expired', error: null }),
      refused: json(401, { correlationId: 'c-3', errorDescription: 'Login is not authorized.', error: null }),
    },
    {
      recipe: 'iiko-server',
      credentials: { login: 'robot', password: secret('password') },
      steps: [
        {
          at: 'GET https://acme.iiko.it/resto/api/auth',
          expect: {
            query: { login: '<login>', pass: (found, { password = '' }) => hashDiffers('sha1', found, password) },
          },
          reply: text(200, 'text/plain', '<token>'),
        },
      ],
      expect: { query: { key: '<token>' } },
      killed: text(401, 'text/plain', 'Token is expired or invalid'),
      refused: text(401, 'text/plain', 'Wrong login or password'),
    },
    {
      recipe: 'moysklad',
      credentials: user,
      steps: [
        {
          at: 'POST https://api.moysklad.ru/api/remap/1.2/security/token',
          expect: { headers: { authorization: basic('<user>:<password>'), 'accept-encoding': 'gzip' } },
          reply: json(201, { access_token: '<token>' }),
        },
      ],
      expect: BEARER,
      killed: json(401, { errors: [{ error: 'Ошибка аутентификации', code: 1056 }] }),
      refused: json(401, { errors: [{ error: 'Ошибка аутентификации: неправильный пароль', code: 1056 }] }),
    },
    {
      recipe: 'onec',
      credentials: { user: 'Робот', password: secret('пароль') },
      expect: { headers: { authorization: basic('<user>:<password>') } },
      killed: text(401, 'text/plain', 'Unauthorized'),
    },
    {
      recipe: 'odoo',
      credentials: { ...user, database: 'acme' },
      steps: [
        {
          at: 'POST https://acme.odoo.com/web/session/authenticate',
          expect: {
            json: {
              jsonrpc: '2.0',
              method: 'call',
              params: { db: '<database>', login: '<user>', password: '<password>' },
            },
          },
          reply: json(
            200,
            { jsonrpc: '2.0', id: null, result: { uid: 2 } },
            { 'set-cookie': 'session_id=<token>; Path=/' },
          ),
        },
      ],
      expect: { cookies: { session_id: '<token>' } },
      killed: json(200, { jsonrpc: '2.0', id: null, error: { code: 100, message: 'Odoo Session Expired' } }),
      refused: json(
        200,
        { jsonrpc: '2.0', id: null, error: { code: 200, data: { name: 'odoo.exceptions.AccessDenied' } } },
        { 'set-cookie': 'session_id=of-nobody-in-particular; Path=/' },
      ),
    },
    {
      recipe: 'shopify',
      credentials: { accessToken: secret('shpat_') },
      expect: { headers: { 'x-shopify-access-token': '<accessToken>' } },
      killed: json(401, { errors: '[API] Invalid API key or access token (unrecognized login or wrong password)' }),
    },
    {
      recipe: 'shopify-client-credentials',
      credentials: { ...client(), shop: 'acme' },
      steps: [
        {
          at: 'POST https://acme.myshopify.com/admin/oauth/access_token',
          expect: { form: { grant_type: 'client_credentials', ...CLIENT_IN_FORM.form } },
          reply: json(200, { access_token: '<token>', scope: 'read_orders', expires_in: 86_399 }),
        },
      ],
      expect: { headers: { 'x-shopify-access-token': '<token>' } },
      killed: json(401, { errors: '[API] Invalid API key or access token (unrecognized login or wrong password)' }),
      refused: text(400, 'text/html', '<html>Oauth error shop_not_permitted: Client credentials cannot be used</html>'),
    },
    {
      recipe: 'amazon-sp-api',
      credentials: client(),
      refreshes: 'same',
      steps: [refreshes('https://api.amazon.com/auth/o2/token', CLIENT_IN_FORM, granted({ token_type: 'bearer' }))],
      expect: { headers: { 'x-amz-access-token': '<token>' } },
      killed: json(403, {
        errors: [
          {
            code: 'Unauthorized',
            message: 'Access to requested resource is denied.',
            details: 'The access token you provided has expired.',
          },
        ],
      }),
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'ozon-seller',
      credentials: { clientId: '836', apiKey: secret('apiKey') },
      expect: { headers: { 'client-id': '<clientId>', 'api-key': '<apiKey>' } },
      killed: json(403, { code: 7, message: 'Invalid Api-Key, please contact support' }),
    },
    {
      recipe: 'yookassa',
      credentials: { shopId: '100500', secretKey: secret('live_') },
      expect: { headers: { authorization: basic('<shopId>:<secretKey>') } },
      killed: json(401, { type: 'error', code: 'invalid_credentials', description: 'Error in shopId or secret key.' }),
    },
    {
      recipe: 'paypal',
      credentials: client(),
      steps: [
        {
          at: 'POST https://api-m.paypal.com/v1/oauth2/token',
          expect: {
            headers: { authorization: basic('<clientId>:<clientSecret>') },
            form: { grant_type: 'client_credentials' },
          },
          reply: granted({ scope: 'https://uri.paypal.com/services/invoicing', nonce: 'n' }),
        },
      ],
      expect: BEARER,
      killed: json(401, { error: 'invalid_token', error_description: 'Token signature verification failed' }),
      refused: oauthError('invalid_client', 401),
    },
    {
      recipe: 'cdek',
      credentials: { account: 'account-1', secret: secret('secret') },
      steps: [
        {
          at: 'POST https://api.cdek.ru/v2/oauth/token',
          expect: { form: { grant_type: 'client_credentials', client_id: '<account>', client_secret: '<secret>' } },
          reply: granted({ token_type: 'bearer', scope: 'order:all', jti: 'j-1' }),
        },
      ],
      expect: BEARER,
      killed: UNAUTHORIZED,
      refused: oauthError('invalid_client', 401),
    },
    {
      recipe: 'avito',
      credentials: client(),
      steps: [
        {
          at: 'POST https://api.avito.ru/token',
          expect: { form: { grant_type: 'client_credentials', ...CLIENT_IN_FORM.form } },
          reply: granted({ expires_in: 86_400 }),
        },
      ],
      expect: BEARER,
      killed: json(401, { result: { status: false, message: 'invalid access token' } }),
      refused: oauthError('invalid_client', 200),
    },
    {
      recipe: 'sber-api',
      mutualTls: true,
      credentials: client(),
      refreshes: 'rotates',
      steps: [refreshes('https://fintech.sberbank.ru:9443/ic/sso/api/v2/oauth/token', CLIENT_IN_FORM)],
      expect: BEARER,
      killed: json(401, { cause: 'UNAUTHORIZED', message: 'accessToken not found' }),
      refused: oauthError('invalid_grant'),
    },
  ];
}
