import assert from 'node:assert/strict';
import { answerLogin } from '../../src/flows/answer-login.ts';
import { UnfillableError } from '../../src/flows/template.ts';
import { legacyLogin } from '../../src/flows/schema/legacy-login.ts';
import { Token } from '../../src/tokens/token.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function told(entry: object, values: Record<string, string> = {}, secret = 'the-token'): unknown {
  const facts = { generation: 1, obtainedAt: NOW, expiresAt: undefined, refreshExpiresAt: undefined };
  const token = new Token({ ...facts, deadline: Infinity }, secret, undefined, values);
  return answerLogin(legacyLogin.parse({ path: '/login', ...entry }), token, NOW);
}

describe("the response to an application's own login", () => {
  it('is what the flow says, if that computes nothing', () => {
    const answer = { ok: true, list: [1, null, 'x'], text: 'a {not a name} b' };
    assert.deepEqual(told({ answer }), answer);
  });

  it('has times from now: numbers or texts, as the vendor writes them', () => {
    assert.deepEqual(
      told({
        make: {
          s: { time: 'unix', in: '24h' },
          ms: { time: 'ms', in: 60 },
          iso: { time: 'iso', in: '1h' },
          http: { time: 'http' },
        },
        answer: { s: '{s}', ms: '{ms}', iso: '{iso}', http: '{http}', text: 'until {s}' },
      }),
      {
        s: Date.UTC(2026, 0, 3, 3, 4, 5) / 1000,
        ms: NOW + 60_000,
        iso: '2026-01-02T04:04:05.678Z',
        http: 'Fri, 02 Jan 2026 03:04:05 GMT',
        text: `until ${Date.UTC(2026, 0, 3, 3, 4, 5) / 1000}`,
      },
    );
  });

  it('has values that came with the token, as text or as a number; one that did not come is left out', () => {
    const entry = {
      make: { id: { number: '{id?}' } },
      answer: { tenant: '{tenant?}', id: '{id?}' },
    };
    assert.deepEqual(told(entry, { tenant: 't', id: '42' }), { tenant: 't', id: 42 });
    assert.deepEqual(told(entry), {});
    assert.throws(() => told({ answer: { tenant: '{tenant}' } }), UnfillableError);
  });

  it("has a JWT without a signature, with those claims of the account's own that are named", () => {
    const own = `${encoded({ alg: 'RS256' })}.${encoded({ sub: 's', exp: 7, scope: ['a'], jti: 'secret' })}.c2lnbmF0dXJl`;
    const make = { jwt: { jwt: { lifetime: '1h', claims: { who: '{who}' }, tokenClaims: ['sub', 'scope', 'none'] } } };
    for (const [secret, repeated] of [
      [own, { sub: 's', scope: ['a'] }],
      ['opaque', {}],
      ['a.b.c', {}],
      [`a.${encoded('text')}.c`, {}],
    ] as const) {
      const { token } = told({ make, answer: { token: '{jwt}' } }, { who: 'me' }, secret) as { token: string };
      const [header, claims, signature] = token.split('.');
      assert.deepEqual(
        [header, signature, JSON.parse(Buffer.from(claims!, 'base64url').toString())],
        [
          encoded({ typ: 'JWT', alg: 'none' }),
          '',
          { iat: Math.floor(NOW / 1000), exp: Math.floor(NOW / 1000) + 3_600, ...repeated, who: 'me' },
        ],
      );
    }
  });

  it('cannot have the token, nor a name that every object has', () => {
    for (const name of ['token', 'refreshToken', 'constructor'])
      assert.throws(() => told({ answer: `{${name}}` }), UnfillableError, name);
  });
});
