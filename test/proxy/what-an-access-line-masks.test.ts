import assert from 'node:assert/strict';
import { presentedSecrets } from '../../src/proxy/presented-secrets.ts';
import { shownPath } from '../../src/proxy/shown-target.ts';

const shown = (path: string, carried: readonly string[] = [], configured: readonly string[] = []): string =>
  shownPath(path, { carried, isConfigured: (text) => configured.includes(text) });
const presented = (fields: Readonly<Record<string, string | string[]>>): readonly string[] =>
  presentedSecrets({ field: (name) => fields[name] });

describe('what an access line masks', () => {
  it('segments that the configuration holds, first, last or in the middle, also encoded', () => {
    const configured = ['p4ss', 'a b'];
    for (const [path, expected] of [
      ['/v1/p4ss/x', '/v1/***/x'],
      ['/p4ss', '/***'],
      ['p4ss/x/', '***/x/'],
      ['/x/p4ss', '/x/***'],
      ['/p4ss/p4ss//a%20b', '/***/***//***'],
      ['/p4ssword/x%2', '/p4ssword/x%2'],
      ['/', '/'],
      ['', ''],
    ] as const)
      assert.equal(shown(path, [], configured), expected);
  });

  it('the whole of a carried secret, although another one is a part of it', () => {
    assert.equal(shown('/x/abcdef-and-more/y', ['abcdef', 'abcdef-and-more']), '/x/***/y');
  });

  it('keys, passwords and cookies of the client, however they are encoded', () => {
    const fields = {
      authorization: `Basic ${Buffer.from('me:pass word').toString('base64')}`,
      'x-api-key': 'key-123456',
      cookie: ['sid=cookie/1; lang=en', 'other=cookie-2'],
    };
    const plain = [Buffer.from('me:pass word').toString('base64'), 'pass word', 'key-123456', 'cookie/1', 'cookie-2'];
    assert.deepEqual(presented(fields), plain);
    for (const segment of ['pass%20word', 'cookie%2F1', 'cookie%2f1', '%6bey-12345%36', 'x%ffkey%2D123456'])
      assert.equal(shown(`/x/${segment}/y`, presented(fields)), '/x/***/y', segment);
    assert.equal(shown('/x/caf%C3%A9/%ff', presented(fields)), '/x/caf%C3%A9/%ff');
    assert.deepEqual(presented({}), []);
    const cookie = Array.from({ length: 2_000 }, (_, i) => `c=${'s'.repeat(6 + (i % 20))}${i}`).join('; ');
    const many = presented({ cookie });
    assert.equal(many.length, 64, 'a client decides how many cookies it sends');
    assert.ok(many.every((secret) => secret.length >= 25));
  });
});
