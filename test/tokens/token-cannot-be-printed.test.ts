import assert from 'node:assert/strict';
import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';
import { Token } from '../../src/tokens/token.ts';

const ACCESS = 'canary-access-secret';
const REFRESH = 'canary-refresh-secret';

describe('a token', () => {
  const token = new Token(
    { generation: 7, obtainedAt: 1, expiresAt: 2, refreshExpiresAt: 3, deadline: 4 },
    ACCESS,
    REFRESH,
  );

  const ways: readonly (readonly [string, () => unknown])[] = [
    ['JSON.stringify', () => JSON.stringify(token)],
    ['JSON of something around it', () => JSON.stringify({ a: [token] })],
    ['String', () => String(token)],
    // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- the way under test
    ['a template', () => `${token}`],
    ['+ with a string', () => 'token ' + (token as unknown as string)],
    ['util.inspect', () => inspect(token)],
    [
      'util.inspect with everything on',
      () =>
        inspect(
          { deep: { token } },
          { depth: Infinity, showHidden: true, showProxy: true, getters: true, customInspect: true },
        ),
    ],
    [
      'util.inspect without its own word',
      () => inspect(token, { customInspect: false, showHidden: true, depth: Infinity }),
    ],
    ['util.format', () => format('%s %o %O %j', token, token, token, token)],
    ['Object.entries', () => JSON.stringify(Object.entries(token))],
    ['Object.values', () => JSON.stringify(Object.values(token))],
    ['copying', () => JSON.stringify(Object.assign({}, token))],
    [
      'Reflect.ownKeys',
      () =>
        Reflect.ownKeys(token)
          .map((name) => String((token as unknown as Record<PropertyKey, unknown>)[name]))
          .join(),
    ],
    ['structuredClone', () => JSON.stringify(structuredClone(token))],
    ['v8.serialize', () => serialize(token).toString('latin1')],
    ['an error message', () => new Error(String(token)).stack],
    ['an error cause', () => inspect(new Error('x', { cause: token }), { depth: Infinity })],
    [
      'a for…in loop',
      () => {
        let text = '';
        for (const name in token) text += String((token as unknown as Record<string, unknown>)[name]);
        return text;
      },
    ],
  ];
  for (const [name, print] of ways) {
    it(`does not show its secrets to ${name}`, () => {
      const text = String(print());
      assert.doesNotMatch(text, /canary/);
    });
  }

  it('names itself by its number where it is inspected', () => {
    assert.equal(inspect({ token }), '{ token: [token generation 7] }');
  });

  it('gives its secrets to those who ask by name, and its facts to anybody', () => {
    assert.equal(token.reveal(), ACCESS);
    assert.equal(token.revealRefresh(), REFRESH);
    assert.deepEqual(JSON.parse(JSON.stringify(token)), {
      generation: 7,
      obtainedAt: 1,
      expiresAt: 2,
      refreshExpiresAt: 3,
    });
    assert.equal(String(token), '[token generation 7]');
  });

  it('cannot be changed', () => {
    assert.throws(() => Object.assign(token, { generation: 8 }), TypeError);
    assert.throws(() => Object.assign(token, { extra: 8 }), TypeError);
    assert.equal(token.generation, 7);
  });

  it('without its refresh token is the same otherwise', () => {
    const rest = token.withoutRefresh();
    assert.equal(rest.revealRefresh(), undefined);
    assert.equal(rest.hasRefresh, false);
    assert.equal(rest.reveal(), ACCESS);
    assert.deepEqual(rest.toJSON(), token.toJSON());
    assert.equal(rest.deadline, token.deadline);
    assert.equal(token.hasRefresh, true);
  });
});
