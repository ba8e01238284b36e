import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { baseString } from '../../../src/flows/sign/oauth1.ts';
import { percentEncoded } from '../../../src/flows/sign/parts.ts';
import type { RequestToSign } from '../../../src/flows/sign/request-to-sign.ts';
import { fieldIn, request, sign } from './signing.ts';

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];

/** The key of the RSA-SHA1 example on the OAuth community's page of test cases. It has never been secret. */
const EXAMPLE_KEY = `-----BEGIN PRIVATE KEY-----
MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBALRiMLAh9iimur8V
A7qVvdqxevEuUkW4K+2KdMXmnQbG9Aa7k7eBjK1S+0LYmVjPKlJGNXHDGuy5Fw/d
7rjVJ0BLB+ubPK8iA/Tw3hLQgXMRRGRXXCn8ikfuQfjUS1uZSatdLB81mydBETlJ
hI6GH4twrbDJCR2Bwy/XWXgqgGRzAgMBAAECgYBYWVtleUzavkbrPjy0T5FMou8H
X9u2AC2ry8vD/l7cqedtwMPp9k7TubgNFo+NGvKsl2ynyprOZR1xjQ7WgrgVB+mm
uScOM/5HVceFuGRDhYTCObE+y1kxRloNYXnx3ei1zbeYLPCHdhxRYW7T0qcynNmw
rn05/KO2RLjgQNalsQJBANeA3Q4Nugqy4QBUCEC09SqylT2K9FrrItqL2QKc9v0Z
zO2uwllCbg0dwpVuYPYXYvikNHHg+aCWF+VXsb9rpPsCQQDWR9TT4ORdzoj+Nccn
qkMsDmzt0EfNaAOwHOmVJ2RVBspPcxt5iN4HI7HNeG6U5YsFBb+/GZbgfBT3kpNG
WPTpAkBI+gFhjfJvRw38n3g/+UeAkwMI2TJQS4n8+hid0uus3/zOjDySH3XHCUno
cn1xOJAyZODBo47E+67R4jV1/gzbAkEAklJaspRPXP877NssM5nAZMU0/O/NGCZ+
3jPgDUno6WbJn5cqm8MqWhW1xGkImgRk+fkDBquiq4gPiT898jusgQJAd5Zrr6Q8
AO/0isr/3aa6O6NLQxISLKcPDk2NOccAfS/xOtfOz4sJYM3+Bs4Io9+dZGSDCA54
Lw03eHTNQghS0A==
-----END PRIVATE KEY-----`;

/** The parameters of the field Authorization, decoded. */
async function parametersOf(
  config: Record<string, unknown>,
  toSign: RequestToSign,
  nonce: string,
): Promise<Record<string, string>> {
  const field = fieldIn(await sign({ sign: 'oauth1', ...config }, toSign, {}, nonce), 'authorization')!;
  assert.match(field, /^OAuth [\x20-\x7e]*$/);
  return Object.fromEntries(
    [...field.slice(6).matchAll(/(?:^|, )(\w+)="([^"]*)"/g)].map(([, name, value]) => [
      name!,
      decodeURIComponent(value!),
    ]),
  );
}

describe('an OAuth 1.0 signature', () => {
  const photos = {
    realm: 'Photos',
    consumerKey: 'dpf43f3p2l4k3l03',
    consumerSecret: 'kd94hf93k423kf44',
    version: false,
  };

  it('is that of RFC 5849 §1.2', async () => {
    const config = { sign: 'oauth1', ...photos, token: 'nnch734d00sl2jdk', tokenSecret: 'pfkkdhi9sl3r4s00' };
    const url = 'http://photos.example.net/photos?file=vacation.jpg&size=original';
    assert.deepEqual(await sign(config, request({ url, now: 137_131_202_000 }), {}, 'chapoH'), {
      headers: [
        'authorization',
        'OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_nonce="chapoH", ' +
          'oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131202", oauth_token="nnch734d00sl2jdk", ' +
          'oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"',
      ],
      query: [],
    });
  });

  it('has the base string of RFC 5849 §3.4.1, and the signature that the RFC’s erratum states', async () => {
    const toSign = request({
      method: 'POST',
      url: 'http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b',
      headers: FORM,
      body: 'c2&a3=2+q',
      now: 137_131_201_000,
    });
    const own = {
      oauth_consumer_key: '9djdj82h48djs9d2',
      oauth_token: 'kkk9d7dh3k39sjv7',
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: '137131201',
      oauth_nonce: '7d8f3e4a',
    };
    assert.equal(
      baseString(toSign, Object.entries(own), true),
      'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2' +
        '%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1' +
        '%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
    );
    const config = {
      ...{ consumerKey: own.oauth_consumer_key, consumerSecret: 'j49sk3j29djd', version: false },
      ...{ token: own.oauth_token, tokenSecret: 'dh893hdasih9' },
    };
    const signed = await parametersOf(config, toSign, own.oauth_nonce);
    assert.equal(signed['oauth_signature'], 'r6/TJjbCOr97/+UU0NsvSne7s5g=');
  });

  it('names the address as RFC 5849 §3.4.1.2 says', () => {
    for (const [url, expected] of [
      ['http://EXAMPLE.COM:80/r%20v/X?id=123', 'http://example.com/r%20v/X'],
      ['https://www.example.net:8080/?q=1', 'https://www.example.net:8080/'],
      ['https://www.example.net:443/', 'https://www.example.net/'],
      ['https://www.example.net:80/', 'https://www.example.net:80/'],
    ])
      assert.equal(baseString(request({ url: url! }), [], false).split('&')[1], percentEncoded(expected!));
  });

  it('is that of Twitter’s example', async () => {
    const signed = await parametersOf(
      {
        consumerKey: 'xvz1evFS4wEEPTGEFPHBog',
        consumerSecret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw',
        token: '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb',
        tokenSecret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
      },
      request({
        method: 'POST',
        url: 'https://api.twitter.com/1.1/statuses/update.json?include_entities=true',
        headers: FORM,
        body: 'status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21',
        now: 1_318_622_958_999,
      }),
      'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg',
    );
    assert.equal(signed['oauth_signature'], 'hCtSmYh+iHYCEqBWrE7C7hYmtUk=');
    assert.equal(signed['oauth_version'], '1.0');
  });

  it('with RSA-SHA1 is that of the community’s test case', async () => {
    const signed = await parametersOf(
      { method: 'RSA-SHA1', consumerKey: photos.consumerKey, privateKey: EXAMPLE_KEY },
      request({
        url: 'http://photos.example.net/photos?file=vacaction.jpg&size=original',
        now: 1_196_666_512_000,
      }),
      '13917289812797014437',
    );
    assert.equal(
      signed['oauth_signature'],
      'jvTp/wX1TYtByB1m+Pbyo0lnCOLIsyGCH7wke8AUs3BpnwZJtAuEJkvQL2/9n4s5wUmUl4aCI4BwpraNx4RtEXMe5qg5T1LVTGliMRpKasKsW//' +
        'e+RinhejgCuzoH26dyF8iY2ZZ/5D1ilgeijhV/vBka5twt399mXwaYdCwFYE=',
    );
  });

  it('is made for NetSuite: HMAC-SHA256, the account as realm, content that is no form', async () => {
    const toSign = request({
      method: 'POST',
      url: 'https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/query/v1/suiteql?limit=5&offset=0',
      headers: ['Content-Type', 'application/json', 'Prefer', 'transient'],
      body: '{"q":"SELECT 1"}',
      now: 1_508_242_306_000,
    });
    const config = {
      ...{ sign: 'oauth1', method: 'HMAC-SHA256', realm: '1234567_SB1' },
      ...{ consumerKey: 'ck', consumerSecret: 'cs', token: 'tk', tokenSecret: 'ts' },
    };
    const base =
      'POST&https%3A%2F%2F1234567-sb1.suitetalk.api.netsuite.com%2Fservices%2Frest%2Fquery%2Fv1%2Fsuiteql&limit%3D5' +
      '%26oauth_consumer_key%3Dck%26oauth_nonce%3Dfjaa%26oauth_signature_method%3DHMAC-SHA256' +
      '%26oauth_timestamp%3D1508242306%26oauth_token%3Dtk%26oauth_version%3D1.0%26offset%3D0';
    const signature = encodeURIComponent(createHmac('sha256', 'cs&ts').update(base).digest('base64'));
    assert.equal(
      fieldIn(await sign(config, toSign, {}, 'fjaa'), 'authorization'),
      'OAuth realm="1234567_SB1", oauth_consumer_key="ck", oauth_nonce="fjaa", ' +
        'oauth_signature_method="HMAC-SHA256", oauth_timestamp="1508242306", oauth_token="tk", oauth_version="1.0", ' +
        `oauth_signature="${signature}"`,
    );
  });
});
