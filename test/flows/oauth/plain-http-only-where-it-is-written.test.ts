import assert from 'node:assert/strict';
import type { SendTokenCall, TokenRequest } from '../../../src/flows/run.ts';
import { login, newCaller, shown } from './caller.ts';

const CLIENT = { clientId: 'c', clientSecret: 'canary' };

describe('http:// without TLS', () => {
  let seen: TokenRequest[];
  let send: SendTokenCall;
  const metadata = { issuer: 'https://id.example', token_endpoint: 'http://id.example/token' };
  beforeEach(() => {
    seen = [];
    send = async (request) => {
      seen.push(request);
      return {
        status: 200,
        headers: {},
        body: JSON.stringify(request.method === 'GET' ? metadata : { access_token: 'abc' }),
      };
    };
  });

  it('is used where the flow says so', async () => {
    assert.equal(shown(await login({ tokenUrl: 'http://id.example/token' }, CLIENT, newCaller({ send }))), 'granted');
  });

  it('is not used because the metadata of a secure issuer says so', async () => {
    assert.equal(
      shown(await login({ issuer: 'https://id.example' }, CLIENT, newCaller({ send }))),
      'failed (malformed, unsent): the metadata of id.example: it names an endpoint that is not an https:// URL',
    );
    assert.deepEqual(
      seen.map(({ url }) => url),
      ['https://id.example/.well-known/openid-configuration'],
    );
  });
});
