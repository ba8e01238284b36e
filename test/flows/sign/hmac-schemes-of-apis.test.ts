import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { fieldIn, request, sign } from './signing.ts';

/** Published examples of APIs, and the flows that make their signatures. */
describe('an HMAC signature as an API wants it', () => {
  const binance = { secret: 'NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j', apiKey: 'vmPU' };
  const BINANCE = {
    sign: 'hmac',
    key: '{secret}',
    of: '{query}{body}',
    headers: { 'X-MBX-APIKEY': '{apiKey}' },
    query: { timestamp: '{timestampMs}', signature: '{signature}' },
  };
  const order = 'symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000';

  it('Binance: of the query with the time, in the query', async () => {
    const url = `https://api.binance.com/api/v3/order?${order}`;
    const toSign = request({ method: 'POST', url, now: 1_499_827_319_559 });
    assert.deepEqual(await sign(BINANCE, toSign, binance), {
      headers: ['x-mbx-apikey', 'vmPU'],
      query: ['timestamp=1499827319559', 'signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71'],
    });
  });

  it('Binance: parameters of a client that signs itself are replaced', async () => {
    const url = `https://api.binance.com/api/v3/order?signature=dummy&${order}&TimeStamp=1`;
    const signature = await sign(BINANCE, request({ method: 'POST', url, now: 1_499_827_319_559 }), binance);
    assert.equal(signature.query[1], 'signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71');
  });

  it('Binance: of query and content', async () => {
    const toSign = request({
      method: 'POST',
      url: 'https://api.binance.com/api/v3/order?symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC',
      body: 'quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559',
    });
    const { query } = await sign({ ...BINANCE, query: { signature: '{signature}' } }, toSign, binance);
    assert.deepEqual(query, ['signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77']);
  });

  it('GitHub’s webhooks: of the content, in a field', async () => {
    const config = {
      sign: 'hmac',
      key: '{secret}',
      of: '{body}',
      headers: { 'X-Hub-Signature-256': 'sha256={signature}' },
    };
    const signature = await sign(config, request({ body: 'Hello, World!' }), { secret: "It's a Secret to Everybody" });
    assert.equal(
      fieldIn(signature, 'x-hub-signature-256'),
      'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    );
  });

  it('Kraken: of a hash in bytes, with a key in base64', async () => {
    const config = {
      ...{ sign: 'hmac', hash: 'sha512', key: '{secret}', keyEncoding: 'base64', encoding: 'base64' },
      of: '{path}{inner}',
      hashes: { inner: { of: '{number}{body}', encoding: 'binary' } },
      headers: { 'API-Key': 'k', 'API-Sign': '{signature}' },
    };
    const toSign = request({
      method: 'POST',
      url: 'https://api.kraken.com/0/private/AddOrder',
      body: 'nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25',
    });
    const signature = await sign(config, toSign, {
      number: 1616492376594,
      secret: 'kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==',
    });
    assert.equal(
      fieldIn(signature, 'api-sign'),
      '4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==',
    );
  });

  it('Zadarma: of the sorted query and its MD5, base64 of hex', async () => {
    const config = {
      ...{ sign: 'hmac', hash: 'sha1', key: '{secret}', encoding: 'hexBase64' },
      of: '{path}{sortedQuery}{md5}',
      hashes: { md5: { hash: 'md5', of: '{sortedQuery}' } },
      headers: { Authorization: '{key}:{signature}' },
    };
    const url = 'https://api.zadarma.com/v1/sms/send/?to=1&caller=2&format=json&b=2&b=1';
    const signature = await sign(config, request({ url }), { key: 'k', secret: 's' });
    const query = 'b=1&b=2&caller=2&format=json&to=1';
    const text = `/v1/sms/send/${query}${createHash('md5').update(query).digest('hex')}`;
    const hex = createHmac('sha1', 's').update(text).digest('hex');
    assert.equal(fieldIn(signature, 'authorization'), `k:${Buffer.from(hex).toString('base64')}`);
  });

  it('Coinbase and its like: of time, method, target and content', async () => {
    const config = {
      ...{ sign: 'hmac', key: '{secret}', keyEncoding: 'base64', encoding: 'base64' },
      of: '{timestamp}{method}{target}{body}',
      headers: { 'CB-ACCESS-SIGN': '{signature}', 'CB-ACCESS-TIMESTAMP': '{timestamp}' },
    };
    const toSign = request({ method: 'POST', url: 'https://api.example/orders?a=1', body: '{"size":"1"}' });
    const { headers } = await sign(config, toSign, { secret: Buffer.from('key').toString('base64') });
    const expected = createHmac('sha256', 'key').update('1440938160POST/orders?a=1{"size":"1"}').digest('base64');
    assert.deepEqual(headers, ['cb-access-sign', expected, 'cb-access-timestamp', '1440938160']);
  });

  it('Azure App Configuration and its like: of lines, with the hash of the content', async () => {
    const config = {
      ...{ sign: 'hmac', key: '{secret}', encoding: 'base64' },
      of: '{method}\n{target}\n{date};{host};{bodyHashBase64}',
      headers: {
        'x-ms-date': '{date}',
        'x-ms-content-sha256': '{bodyHashBase64}',
        Authorization:
          'HMAC-SHA256 Credential={id}&SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}',
      },
    };
    const toSign = request({ method: 'PUT', url: 'https://store.example:8443/kv/a?v=1', body: 'x' });
    const signature = await sign(config, toSign, { id: 'i', secret: 's' });
    const hash = createHash('sha256').update('x').digest('base64');
    const text = `PUT\n/kv/a?v=1\nSun, 30 Aug 2015 12:36:00 GMT;store.example:8443;${hash}`;
    const expected = createHmac('sha256', 's').update(text).digest('base64');
    assert.match(fieldIn(signature, 'authorization')!, /^HMAC-SHA256 Credential=i&SignedHeaders=/);
    assert.ok(fieldIn(signature, 'authorization')!.endsWith(`&Signature=${expected}`));
    assert.equal(fieldIn(signature, 'x-ms-content-sha256'), hash);
  });
});
