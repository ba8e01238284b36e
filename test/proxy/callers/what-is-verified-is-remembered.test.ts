import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InboundRequest } from '../../../src/http/server/exchange.ts';
import { Callers } from '../../../src/proxy/caller.ts';
import { JwtCheck } from '../../../src/proxy/jwt.ts';
import { KeyThrottle } from '../../../src/proxy/key-throttle.ts';
import { FakeClock } from '../../support/clock.ts';
import { freshFolder } from '../../support/files.ts';
import { AUDIENCE, BACKEND, ISSUER, signingKey } from './jwt-makers.ts';

describe('a JWT that was verified', () => {
  const folder = freshFolder();

  async function stage() {
    const clock = new FakeClock();
    const key = await signingKey('one');
    const jwks = join(folder(), 'jwks.json');
    writeFileSync(jwks, JSON.stringify({ keys: [key.jwk] }));
    const check = new JwtCheck({ issuer: ISSUER, audience: AUDIENCE, jwks, claim: 'sub' }, clock);
    const token = await key.token();
    assert.equal(check.remembered(token), undefined);
    assert.equal(await check.callerOf(token), BACKEND);
    assert.equal(check.remembered(token), BACKEND);
    return { clock, key, jwks, check, token };
  }

  it('is remembered for a minute', async () => {
    const { clock, check, token } = await stage();
    clock.pass(59_000);
    assert.equal(check.remembered(token), BACKEND);
    clock.pass(1_000);
    assert.equal(check.remembered(token), undefined);
  });

  it('is forgotten when the file of the keys changes', async () => {
    const { clock, key, jwks, check, token } = await stage();
    writeFileSync(jwks, JSON.stringify({ keys: [key.jwk] }));
    utimesSync(jwks, new Date(), new Date(Date.now() + 5_000));
    clock.pass(6_000);
    assert.equal(check.remembered(token), undefined);
  });

  it('is not remembered if it was wrong', async () => {
    const { check } = await stage();
    const foreign = await (await signingKey('one')).token();
    await assert.rejects(check.callerOf(foreign), { code: 'caller_key_unknown' });
    assert.equal(check.remembered(foreign), undefined);
  });
});

describe('the certificate of a connection', () => {
  it('is read once, also if it names no caller', () => {
    const callers = new Callers(
      [{ name: 'shop', certificate: 'shop.example' }],
      undefined,
      new KeyThrottle(new FakeClock()),
      () => undefined,
    );
    for (const name of ['shop.example', 'stranger.example']) {
      let read = 0;
      const getPeerCertificate = () => {
        read += 1;
        return { subject: {}, subjectaltname: `DNS:${name}` };
      };
      const socket = { authorized: true, getPeerCertificate, remoteAddress: '127.0.0.1' };
      const request = { socket, field: () => undefined } as unknown as InboundRequest;
      for (let count = 0; count < 3; count += 1) {
        const identify = () => callers.identify(request, { name: '/shop' }, 'as the origin');
        if (name === 'shop.example') assert.equal((identify() as { name: string }).name, 'shop');
        else assert.throws(identify, { code: 'caller_key_missing' });
      }
      assert.equal(read, 1);
    }
  });
});
