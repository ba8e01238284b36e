import assert from 'node:assert/strict';
import { judge, type Judged } from '../../tools/catalogue/judge.ts';
import { openapiEntry } from '../../tools/catalogue/openapi.ts';

const SCHEMES = {
  key: { type: 'apiKey', in: 'header', name: 'X-Key' },
  same: { $ref: '#/components/securitySchemes/key' },
  basic: { type: 'http', scheme: 'Basic' },
  bearer: { type: 'http', scheme: 'bearer' },
  digest: { type: 'http', scheme: 'digest' },
  negotiate: { type: 'http', scheme: 'negotiate' },
  tls: { type: 'mutualTLS' },
  oidc: { type: 'openIdConnect', openIdConnectUrl: 'https://login.example/.well-known/openid-configuration' },
  oauth: {
    type: 'oauth2',
    flows: { implicit: { authorizationUrl: '/a' }, clientCredentials: { tokenUrl: '/oauth/token' } },
  },
};

const judged = (security: unknown, operations: readonly unknown[] = []): Judged =>
  judge(
    openapiEntry(
      {
        openapi: '3.1.0',
        info: { title: 'Shop' },
        servers: [{ url: 'https://shop.example/v1' }],
        components: { securitySchemes: SCHEMES },
        security,
        paths: Object.fromEntries(operations.map((operation, index) => [`/${index}`, { get: operation }])),
      },
      'shop.json',
    ),
  );

describe('the share of a catalogue: OpenAPI documents', () => {
  it('knows every type of scheme', () => {
    const outcomes = Object.keys(SCHEMES).map((name) => [name, judged([{ [name]: [] }]).outcome]);
    assert.deepEqual(
      outcomes.filter(([, outcome]) => outcome !== 'expressible'),
      [['negotiate', 'not']],
    );
  });

  it('takes any alternative, and needs all schemes of one', () => {
    assert.equal(judged([{ negotiate: [] }, { key: [] }]).outcome, 'expressible');
    assert.equal(judged([{ negotiate: [], key: [] }]).outcome, 'not');
    assert.equal(judged([{ oauth: [], key: [], tls: [] }]).outcome, 'expressible');
    assert.equal(judged([{ basic: [], bearer: [] }]).outcome, 'not');
  });

  it('needs every operation, and none that is open', () => {
    assert.equal(judged([{ key: [] }], [{}, { security: [{ negotiate: [] }] }]).outcome, 'not');
    assert.equal(judged([{ negotiate: [] }], [{ security: [{ key: [] }] }, { security: [] }]).outcome, 'expressible');
    assert.equal(judged([{ key: [] }], [{ security: [{ negotiate: [] }, {}] }]).outcome, 'expressible');
  });

  it('takes the schemes as alternatives where nothing says what needs them', () => {
    assert.equal(judged(undefined).outcome, 'expressible');
  });

  it('completes a token endpoint by the server', () => {
    const { chosen } = judged([{ oauth: [] }]);
    assert.deepEqual(chosen[0]!.flows!.api['oauth'], {
      grant: 'client_credentials',
      tokenUrl: 'https://shop.example/oauth/token',
    });
  });

  it('reads Swagger 2, and does not judge what says nothing', () => {
    const swagger = (securityDefinitions: unknown): Judged =>
      judge(openapiEntry({ swagger: '2.0', info: { title: 'Old' }, securityDefinitions }, 'old.json'));
    assert.equal(swagger({ one: { type: 'basic' } }).outcome, 'expressible');
    const code = swagger({ one: { type: 'oauth2', flow: 'accessCode', tokenUrl: 'https://old.example/token' } });
    assert.deepEqual([code.outcome, code.ways[0]!.kinds], ['expressible', ['oauth2_code']]);
    assert.equal(swagger(undefined).outcome, 'unclear');
    assert.equal(judged([{ missing: [] }]).outcome, 'unclear');
  });
});
