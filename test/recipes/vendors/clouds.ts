import { aws4, binance, oauth1, signedJwt, thumbprints, type AppKey } from '../signatures.ts';
import { basic, json, text, type Vendor } from '../vendor.ts';
import { BEARER, client, CLIENT_IN_FORM, granted, JWT_BEARER, oauthError, secret, UNAUTHORIZED } from './common.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Clouds, and APIs whose requests are signed. */
export function clouds(appKey: AppKey): Vendor[] {
  const user = { user: 'robot', password: secret('password') };
  const azure = {
    expect: BEARER,
    killed: json(401, { error: { code: 'InvalidAuthenticationToken', message: 'Lifetime validation failed' } }),
    busy: oauthError('temporarily_unavailable', 503),
    refused: oauthError('invalid_client', 401),
  };
  const tokenAt = 'https://login.microsoftonline.com/acme.example/oauth2/v2.0/token';
  const iam = {
    expect: BEARER,
    killed: json(401, { code: 16, message: 'The token has expired', details: [] }),
    refused: json(401, { code: 16, message: 'Cannot be authenticated', details: [] }),
  };
  const iamAssertion = signedJwt(
    'PS256',
    appKey,
    3_600,
    { iss: '<serviceAccountId>', aud: 'https://iam.api.cloud.yandex.net/iam/v1/tokens' },
    { kid: '<keyId>' },
  );
  const iamReply = json(200, { iamToken: '<token>', expiresAt: '2099-01-01T00:00:00.123456789Z' });
  return [
    {
      recipe: 'gigachat',
      credentials: { authorizationKey: Buffer.from(`id:${secret('secret')}`).toString('base64') },
      steps: [
        {
          at: 'POST https://ngw.devices.sberbank.ru:9443/api/v2/oauth',
          expect: {
            headers: {
              authorization: 'Basic <authorizationKey>',
              rquid: (found) => (UUID.test(found) ? undefined : `${found} is no UUID`),
            },
            form: { scope: 'GIGACHAT_API_PERS' },
          },
          reply: json(200, { access_token: '<token>', expires_at: 4_070_908_800_000 }),
        },
      ],
      expect: BEARER,
      killed: json(401, { status: 401, message: 'Token has expired' }),
      refused: json(401, { code: 6, message: 'credentials doesn’t match db data' }),
    },
    {
      ...iam,
      recipe: 'yandex-iam-key',
      credentials: { serviceAccountId: 'account-1', keyId: 'key-1', privateKey: appKey.key },
      steps: [
        {
          at: 'POST https://iam.api.cloud.yandex.net/iam/v1/tokens',
          expect: {
            whole: ({ body }, values) => iamAssertion((JSON.parse(body) as { jwt: string }).jwt, values),
          },
          reply: iamReply,
        },
      ],
    },
    {
      ...iam,
      recipe: 'yandex-iam-oauth',
      credentials: { oauthToken: secret('y0_') },
      steps: [
        {
          at: 'POST https://iam.api.cloud.yandex.net/iam/v1/tokens',
          expect: { json: { yandexPassportOauthToken: '<oauthToken>' } },
          reply: iamReply,
        },
      ],
    },
    {
      recipe: 'google-service-account',
      credentials: {
        clientEmail: 'robot@acme.iam.gserviceaccount.com',
        privateKey: appKey.key,
        privateKeyId: 'key-1',
        scope: 'https://www.googleapis.com/auth/spreadsheets',
      },
      steps: [
        {
          at: 'POST https://oauth2.googleapis.com/token',
          expect: {
            form: {
              grant_type: JWT_BEARER,
              assertion: signedJwt(
                'RS256',
                appKey,
                3_600,
                { iss: '<clientEmail>', scope: '<scope>', aud: 'https://oauth2.googleapis.com/token' },
                { kid: '<privateKeyId>' },
              ),
            },
          },
          reply: granted(),
        },
      ],
      expect: BEARER,
      killed: json(401, { error: { code: 401, message: 'Invalid Credentials', status: 'UNAUTHENTICATED' } }),
      busy: oauthError('internal_failure', 500),
      refused: oauthError('invalid_grant'),
    },
    {
      recipe: 'github-app',
      credentials: { clientId: 'Iv1.app', installationId: '42', privateKey: appKey.key },
      steps: [
        {
          at: 'POST https://api.github.com/app/installations/42/access_tokens',
          expect: {
            headers: {
              authorization: signedJwt('RS256', appKey, 600, { iss: '<clientId>' }),
              accept: 'application/vnd.github+json',
              'x-github-api-version': '2022-11-28',
            },
          },
          reply: json(201, { token: '<token>', expires_at: '2099-01-01T00:00:00Z', permissions: { issues: 'write' } }),
        },
      ],
      expect: BEARER,
      killed: json(401, { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' }),
      busy: json(403, { message: 'You have exceeded a secondary rate limit.' }),
      refused: json(401, { message: 'A JSON web token could not be decoded' }),
    },
    {
      ...azure,
      recipe: 'azure-client-secret',
      credentials: { ...client(), tenant: 'acme.example' },
      steps: [
        {
          at: `POST ${tokenAt}`,
          expect: {
            form: {
              grant_type: 'client_credentials',
              scope: 'https://graph.microsoft.com/.default',
              ...CLIENT_IN_FORM.form,
            },
          },
          reply: granted({ ext_expires_in: 3_599 }),
        },
      ],
    },
    {
      ...azure,
      recipe: 'azure-certificate',
      credentials: { clientId: 'app-1', tenant: 'acme.example', privateKey: appKey.key, certificate: appKey.cert },
      steps: [
        {
          at: `POST ${tokenAt}`,
          expect: {
            form: {
              grant_type: 'client_credentials',
              scope: 'https://graph.microsoft.com/.default',
              client_id: '<clientId>',
              client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
              client_assertion: signedJwt(
                'PS256',
                appKey,
                600,
                { iss: '<clientId>', sub: '<clientId>', aud: tokenAt },
                thumbprints(appKey),
              ),
            },
          },
          reply: granted(),
        },
      ],
    },
    {
      recipe: 'keystone',
      credentials: { ...user, project: 'shop' },
      steps: [
        {
          at: 'POST https://keystone.example:5000/v3/auth/tokens',
          expect: {
            json: {
              auth: {
                identity: {
                  methods: ['password'],
                  password: { user: { name: '<user>', password: '<password>', domain: { name: 'Default' } } },
                },
                scope: { project: { name: '<project>', domain: { name: 'Default' } } },
              },
            },
          },
          reply: json(
            201,
            { token: { methods: ['password'], expires_at: '2099-01-01T00:00:00.000000Z' } },
            { 'x-subject-token': '<token>' },
          ),
        },
      ],
      expect: { headers: { 'x-auth-token': '<token>' } },
      killed: json(401, { error: { code: 401, title: 'Unauthorized' } }),
      refused: json(401, { error: { code: 401, title: 'Unauthorized', message: 'You need to authenticate.' } }),
    },
    {
      recipe: 'vsphere',
      credentials: user,
      steps: [
        {
          at: 'POST https://vcenter.example/api/session',
          expect: { headers: { authorization: basic('<user>:<password>') } },
          reply: json(201, '<token>'),
        },
      ],
      expect: { headers: { 'vmware-api-session-id': '<token>' } },
      killed: json(401, { error_type: 'UNAUTHENTICATED', messages: [] }),
      refused: json(401, { error_type: 'UNAUTHENTICATED', messages: [{ default_message: 'Unable to log in.' }] }),
    },
    {
      recipe: 'aws',
      credentials: {
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: secret('secretAccessKey'),
        region: 'eu-central-1',
        service: 's3',
        sessionToken: secret('sessionToken'),
      },
      expect: { whole: aws4 },
      killed: text(403, 'application/xml', '<Error><Code>InvalidAccessKeyId</Code></Error>'),
    },
    {
      recipe: 'netsuite-tba',
      credentials: {
        accountId: '1234567',
        consumerKey: secret('consumerKey'),
        consumerSecret: secret('consumerSecret'),
        tokenId: secret('tokenId'),
        tokenSecret: secret('tokenSecret'),
      },
      expect: { whole: oauth1 },
      killed: UNAUTHORIZED,
    },
    {
      recipe: 'binance',
      credentials: { apiKey: secret('apiKey'), secretKey: secret('secretKey') },
      expect: {
        headers: { 'x-mbx-apikey': '<apiKey>' },
        query: { timestamp: () => undefined, signature: () => undefined },
        whole: binance,
      },
      killed: json(401, { code: -2015, msg: 'Invalid API-key, IP, or permissions for action.' }),
    },
  ];
}
