import assert from 'node:assert/strict';
import { fieldIn, request, sign } from './signing.ts';

const UNRESERVED = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const VANILLA = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';

/** Of AWS's test suite for Signature Version 4 those whose requests can arrive here. */
const SUITE: readonly (readonly [name: string, request: string, signature: string])[] = [
  ['get-vanilla', 'GET /', VANILLA],
  [
    'get-vanilla-empty-query-key',
    'GET /?Param1=value1',
    'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
  ],
  [
    'get-vanilla-query-order-key-case',
    'GET /?Param2=value2&Param1=value1',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'get-vanilla-query-order-value',
    'GET /?Param1=value2&Param1=value1',
    '5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694',
  ],
  [
    'get-vanilla-query-order-key',
    'GET /?Param1=value2&Param1=Value1',
    'eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1',
  ],
  [
    'get-vanilla-query-unreserved',
    `GET /?${UNRESERVED}=${UNRESERVED}`,
    '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
  ],
  ['get-vanilla-utf8-query', 'GET /?%E1%88%B4=bar', '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04'],
  ['get-unreserved', `GET /${UNRESERVED}`, '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f'],
  ['get-relative', 'GET /example/..', VANILLA],
  ['get-relative-relative', 'GET /example1/example2/../..', VANILLA],
  ['get-slash', 'GET //', VANILLA],
  ['get-slash-dot-slash', 'GET /./', VANILLA],
  ['get-slash-pointless-dot', 'GET /./example', 'ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5'],
  ['get-slashes', 'GET //example//', '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84'],
  ['post-vanilla', 'POST /', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  ['post-vanilla-query', 'POST /?Param1=value1', '28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11'],
];

const CONFIG = { sign: 'aws4', region: 'us-east-1', service: '{service}', key: '{key}', secret: '{secret}' };
const VALUES = { service: 'service', key: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

const authorization = (signature: string, fields = 'host;x-amz-date'): string =>
  `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${fields}, Signature=${signature}`;

describe('an AWS signature is that of the test suite', () => {
  for (const [name, line, expected] of SUITE)
    it(name, async () => {
      const [method, target] = line.split(' ');
      const toSign = request({ method: method!, url: `https://example.amazonaws.com${target!}` });
      const { headers, query } = await sign(CONFIG, toSign, VALUES);
      assert.deepEqual(headers, ['x-amz-date', '20150830T123600Z', 'authorization', authorization(expected)]);
      assert.deepEqual(query, []);
    });

  it('post-x-www-form-urlencoded', async () => {
    const toSign = request({
      method: 'POST',
      url: 'https://example.amazonaws.com/',
      headers: ['Content-Type', 'application/x-www-form-urlencoded'],
      body: 'Param1=value1',
    });
    assert.equal(
      fieldIn(await sign(CONFIG, toSign, VALUES), 'authorization'),
      authorization('ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a', 'content-type;host;x-amz-date'),
    );
  });

  it('get-vanilla-with-session-token', async () => {
    const sessionToken = '6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267';
    const signature = await sign(
      { ...CONFIG, sessionToken: '{sessionToken}' },
      request({ url: 'https://example.amazonaws.com/' }),
      { ...VALUES, sessionToken },
    );
    assert.equal(fieldIn(signature, 'x-amz-security-token'), sessionToken);
    assert.equal(
      fieldIn(signature, 'authorization'),
      authorization(
        '07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8',
        'host;x-amz-date;x-amz-security-token',
      ),
    );
  });
});
