import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MatchRule } from '../../src/flows/flow.ts';
import { ResponseContent } from '../../src/flows/content.ts';
import { matchesAny, needsBody, ruledOut } from '../../src/flows/match.ts';
import { pointed } from '../../src/flows/pointer.ts';

describe('a JSON pointer', () => {
  const document = {
    a: { b: [{ c: 1 }, { c: 2 }, 'x'] },
    '': 'empty name',
    'x/y': 'slash',
    'x~y': 'tilde',
    '~1': 'looks escaped',
    '*': 'a star',
    zero: 0,
    nil: null,
    list: [[1, 2], [3]],
  };
  const cases: readonly (readonly [string, unknown[]])[] = [
    ['/a/b/0/c', [1]],
    ['/a/b/*/c', [1, 2]],
    ['/a/b/*', [{ c: 1 }, { c: 2 }, 'x']],
    ['/list/*/*', [1, 2, 3]],
    ['/list/*/0', [1, 3]],
    ['/', ['empty name']],
    ['/x~1y', ['slash']],
    ['/x~0y', ['tilde']],
    ['/~01', ['looks escaped']],
    ['/*', ['a star']],
    ['/zero', [0]],
    ['/nil', [null]],
    ['/a/b/3/c', []],
    ['/a/b/-1', []],
    ['/a/b/00', [{ c: 1 }]],
    ['/a/b/length', []],
    ['/a/b/c', []],
    ['/nil/x', []],
    ['/zero/x', []],
    ['/constructor', []],
    ['/__proto__', []],
    ['/a/hasOwnProperty', []],
  ];
  for (const [pointer, found] of cases)
    it(`${pointer} leads to ${JSON.stringify(found)}`, () => assert.deepEqual(pointed(document, pointer), found));

  it('leads nowhere in what is no document', () => {
    for (const value of [undefined, null, 0, 'text', true]) assert.deepEqual(pointed(value, '/a'), []);
  });

  it('__proto__ as a real key of a parsed document is a key like any other', () => {
    assert.deepEqual(pointed(JSON.parse('{"__proto__":{"a":1}}'), '/__proto__/a'), [1]);
    assert.deepEqual(pointed(JSON.parse('{"__proto__":{"a":1}}'), '/a'), []);
  });

  it('leads to every element of a list, however many there are', () => {
    assert.equal(
      pointed({ errors: Array.from({ length: 300_000 }, () => ({ error: 1 })) }, '/errors/*/error').length,
      300_000,
    );
  });

  it('never throws, whatever the document and the pointer', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.oneof(fc.string(), fc.constant('*'), fc.nat().map(String))),
        (value, parts) => {
          assert.ok(
            Array.isArray(
              pointed(value, parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')),
            ),
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('finds each leaf by the path that leads to it', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 6 }), fc.integer(), (keys, leaf) => {
        const value = keys.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), leaf);
        assert.deepEqual(
          pointed(value, keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')),
          [leaf],
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a match rule', () => {
  const reply = (status: number, body?: unknown, headers: Record<string, string> = {}): ResponseContent =>
    new ResponseContent(
      status,
      (name) => headers[name],
      () => JSON.stringify(body),
    );
  const holds = (rule: MatchRule, of: ResponseContent): boolean => matchesAny([rule], of);

  it('by status: one, or one of several', () => {
    assert.equal(holds({ status: 401 }, reply(401)), true);
    assert.equal(holds({ status: 401 }, reply(403)), false);
    assert.equal(holds({ status: [401, 403] }, reply(403)), true);
    assert.equal(holds({ status: [401, 403] }, reply(200)), false);
  });

  it('by a kind of status', () => {
    for (const status of [400, 401, 499]) assert.equal(holds({ status: '4xx' }, reply(status)), true);
    for (const status of [200, 399, 500]) assert.equal(holds({ status: '4xx' }, reply(status)), false);
    assert.equal(holds({ status: [503, '2xx'] }, reply(204)), true);
    assert.equal(holds({ status: [503, '2xx'] }, reply(503)), true);
    assert.equal(holds({ status: [503, '2xx'] }, reply(502)), false);
    assert.equal(ruledOut([{ status: '4xx' }], 200), true);
    assert.equal(needsBody([{ status: ['5xx'], body: { '/a': 1 } }], 500), true);
  });

  it('by a header that does not contain a text', () => {
    const rule: MatchRule = {
      status: 401,
      unlessHeader: { 'WWW-Authenticate': ['insufficient_scope', 'use_dpop_nonce'] },
    };
    assert.equal(holds(rule, reply(401)), true);
    assert.equal(holds(rule, reply(401, undefined, { 'www-authenticate': 'Bearer error="invalid_token"' })), true);
    assert.equal(
      holds(rule, reply(401, undefined, { 'www-authenticate': 'Bearer error="Insufficient_Scope"' })),
      false,
    );
    assert.equal(holds(rule, reply(401, undefined, { 'www-authenticate': 'DPoP error="use_dpop_nonce"' })), false);
    assert.equal(holds(rule, reply(403)), false);
  });

  it('by header: one text of a list', () => {
    assert.equal(holds({ header: { a: ['x', 'y'] } }, reply(200, undefined, { a: 'why Y' })), true);
    assert.equal(holds({ header: { a: ['x', 'y'] } }, reply(200, undefined, { a: 'z' })), false);
  });

  it('by header: contains the text, whatever its case', () => {
    assert.equal(
      holds(
        { header: { 'WWW-Authenticate': 'invalid_token' } },
        reply(401, undefined, { 'www-authenticate': 'Bearer error="INVALID_TOKEN"' }),
      ),
      true,
    );
    assert.equal(
      holds(
        { header: { 'www-authenticate': 'invalid_token' } },
        reply(401, undefined, { 'www-authenticate': 'Bearer' }),
      ),
      false,
    );
    assert.equal(holds({ header: { 'www-authenticate': '' } }, reply(401)), false);
    assert.equal(holds({ header: { a: '1', b: '2' } }, reply(200, undefined, { a: '1' })), false);
  });

  it('by body: all pointers, each with one of its values; 1007 and "1007" are the same', () => {
    const rule: MatchRule = { body: { '/success': false, '/error/code': ['A', 'B', 1007] } };
    for (const code of ['A', 'B', 1007, '1007'])
      assert.equal(holds(rule, reply(200, { success: false, error: { code } })), true);
    for (const body of [
      { success: true, error: { code: 'A' } },
      { error: { code: 'A' } },
      { success: 'false', error: { code: 'A' } },
      { success: false, error: { code: 'C' } },
      { success: false, error: { code: ['A'] } },
      { success: false, error: { code: true } },
      undefined,
      null,
      'A',
      [],
    ]) {
      assert.equal(holds(rule, reply(200, body)), false, JSON.stringify(body));
    }
  });

  it('null and numbers are values', () => {
    assert.equal(holds({ body: { '/a': null } }, reply(200, { a: null })), true);
    assert.equal(holds({ body: { '/a': null } }, reply(200, {})), false);
    assert.equal(holds({ body: { '/a': 0 } }, reply(200, { a: false })), false);
    assert.equal(holds({ body: { '/a': '' } }, reply(200, { a: null })), false);
  });

  it('all parts must hold; of several rules one', () => {
    const rule: MatchRule = { status: 401, body: { '/code': 1 } };
    assert.equal(holds(rule, reply(401, { code: 1 })), true);
    assert.equal(holds(rule, reply(400, { code: 1 })), false);
    assert.equal(holds(rule, reply(401, { code: 2 })), false);
    assert.equal(matchesAny([rule, { status: 403 }], reply(403)), true);
    assert.equal(matchesAny([], reply(401)), false);
  });

  it('does not ask for a body that cannot change anything', () => {
    const never = new ResponseContent(
      403,
      () => undefined,
      () => assert.fail('the body was looked at'),
    );
    assert.equal(
      matchesAny(
        [
          { status: 401, body: { '/a': 1 } },
          { header: { x: 'y' }, body: { '/a': 1 } },
        ],
        never,
      ),
      false,
    );
    assert.equal(needsBody([{ status: 401, body: { '/a': 1 } }], 403), false);
    assert.equal(needsBody([{ status: 401, body: { '/a': 1 } }], 401), true);
    assert.equal(needsBody([{ body: { '/a': 1 } }], 200), true);
    assert.equal(needsBody([{ status: 401 }], 401), false);
    assert.equal(ruledOut([{ status: 401 }], 403), true);
    assert.equal(ruledOut([{ status: 401 }, { header: { x: 'y' } }], 403), false);
  });
});
