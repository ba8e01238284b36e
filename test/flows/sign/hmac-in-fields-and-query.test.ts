import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { targetWith } from '../../../src/flows/sign/parts.ts';
import { signSchema } from '../../../src/flows/sign/schema.ts';
import { MissingValueError, UnfillableError } from '../../../src/flows/template.ts';
import { request, sign } from './signing.ts';

const issues = (config: object): string[] =>
  (signSchema.safeParse({ sign: 'hmac', key: 'k', of: 'x', ...config }).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );

describe('an HMAC signature travels', () => {
  it('in fields, without empty ones', async () => {
    const config = { sign: 'hmac', key: 'k', of: 'x', headers: { 'X-Sign': '{signature}', 'X-User': '{user?}' } };
    assert.deepEqual(await sign(config), {
      headers: ['x-sign', createHmac('sha256', 'k').update('x').digest('hex')],
      query: [],
    });
  });

  it('in the query, encoded, behind what it covers', async () => {
    const config = {
      ...{ sign: 'hmac', key: 'k', of: '{target}', encoding: 'base64' },
      query: { 'sign[a]': '{signature}', user: '{user}', none: '{none?}' },
    };
    const { query } = await sign(config, request({ url: 'https://api.example/p?a=1' }), { user: 'ä &=' });
    const expected = createHmac('sha256', 'k').update('/p?a=1&user=%C3%A4%20%26%3D').digest('base64');
    assert.deepEqual(query, ['user=%C3%A4%20%26%3D', `sign%5Ba%5D=${encodeURIComponent(expected)}`]);
  });

  it('as parameters that replace those of their names', () => {
    assert.equal(targetWith('/p', ['a=1', 'b=2']), '/p?a=1&b=2');
    assert.equal(targetWith('/p?c=3', ['a=1']), '/p?c=3&a=1');
    assert.equal(targetWith('/p?A=0&c&%61=5', ['a=1']), '/p?c&a=1');
    assert.equal(targetWith('/p?sig=0', [], ['sig']), '/p');
    assert.equal(targetWith('/p', []), '/p');
  });

  it('written as the flow says', async () => {
    const bytes = createHmac('sha256', 'k').update('x').digest();
    for (const [encoding, expected] of Object.entries({
      hex: bytes.toString('hex'),
      hexUpper: bytes.toString('hex').toUpperCase(),
      base64: bytes.toString('base64'),
      base64url: bytes.toString('base64url'),
      hexBase64: Buffer.from(bytes.toString('hex')).toString('base64'),
    })) {
      const { headers } = await sign({ sign: 'hmac', key: 'k', of: 'x', encoding, headers: { A: '{signature}' } });
      assert.deepEqual(headers, ['a', expected]);
    }
  });

  it('not with a value that a field cannot carry', async () => {
    const config = { sign: 'hmac', key: 'k', of: 'x', headers: { A: '{user} {signature}' } };
    for (const user of ['a\nb', 'a\r\nX: y', 'ä', '\0', ' a'])
      await assert.rejects(sign(config, request(), { user }), (error: unknown) => {
        assert.ok(error instanceof UnfillableError);
        assert.equal(error.message, 'headers.A of the signature holds characters that a header cannot carry');
        return true;
      });
    await assert.rejects(sign(config), MissingValueError);
  });

  it('not with a key that is none', async () => {
    const config = { sign: 'hmac', key: '{key?}', of: 'x', headers: { A: '{signature}' } };
    await assert.rejects(sign(config), { message: 'key of the signature is empty' });
    for (const keyEncoding of ['base64', 'hex'])
      await assert.rejects(sign({ ...config, keyEncoding }, request(), { key: 'not this' }), {
        message: `key of the signature is not written as ${keyEncoding}`,
      });
  });

  it('somewhere, and does not cover itself', () => {
    assert.deepEqual(issues({}), [': needs {signature} in headers or query']);
    assert.deepEqual(issues({ headers: { A: '{nonce}' } }), [': needs {signature} in headers or query']);
    assert.deepEqual(issues({ of: '{signature}', query: { a: '{signature}' } }), [
      ': of cannot contain the signature itself',
    ]);
    assert.deepEqual(issues({ hashes: { h: { of: 'a{signature?}' } }, query: { a: '{signature}' } }), [
      ': of cannot contain the signature itself',
    ]);
  });

  it('in no field that tokenward sets itself, and with no hash that has the name of something else', () => {
    assert.equal(issues({ headers: { Host: '{signature}' } }).length, 1);
    assert.equal(issues({ headers: { 'a b': '{signature}' } }).length, 1);
    assert.equal(issues({ headers: { a: 'ä{signature}' } }).length, 1);
    for (const name of ['body', 'signature', 'a-b'])
      assert.equal(issues({ headers: { a: '{signature}' }, hashes: { [name]: { of: 'x' } } }).length, 1, name);
  });

  it('of a megabyte of content in no time', async () => {
    const body = Buffer.alloc(1_000_000, '{a}%{');
    const config = { sign: 'hmac', key: 'k', of: '{body}\n{bodyHash}', headers: { A: '{signature}' } };
    await sign(config, request({ body }));
    const url = `https://api.example/?${'a=%41&'.repeat(20_000)}`;
    await sign({ ...config, of: '{sortedQuery}{target}', query: { b: '{signature}' } }, request({ url }));
  });
});
