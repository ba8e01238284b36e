import assert from 'node:assert/strict';
import { parseConfig } from '../../src/config/load.ts';
import { judge, type Judged } from '../../tools/catalogue/judge.ts';
import { listedEntries } from '../../tools/catalogue/listed.ts';
import { KINDS } from '../../tools/catalogue/schemes.ts';

const judged = (auth: unknown): Judged => judge(listedEntries({ providers: [{ name: 'Acme', auth }] })[0]!);
/** What kinds need that nobody can guess. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  api_key: { name: 'X-Key' },
  signature: { signature: 'aws4' },
  flow: { flow: { extends: 'twitch' } },
};

describe('the share of a catalogue: the loader decides', () => {
  it('has a configuration for every kind, and the loader takes most', () => {
    const refused = KINDS.filter((kind) => {
      const { outcome, reason } = judged({ kind, ...NEEDED[kind] });
      assert.notEqual(outcome, 'unclear', `${kind}: ${reason}`);
      return outcome === 'not';
    });
    assert.deepEqual(refused, [
      'oauth2_implicit',
      'saml',
      'jwt',
      'ntlm',
      'negotiate',
      'hawk',
      'ws_security',
      'http_signature',
    ]);
  });

  it('takes each accepted configuration as it is shown', () => {
    for (const kind of KINDS)
      for (const written of judged({ kind, ...NEEDED[kind] }).chosen)
        assert.doesNotThrow(() => parseConfig(JSON.stringify(written), {}), kind);
  });

  it('says of a refused one what the loader says', () => {
    assert.match(judged('ntlm').reason, /^ntlm: attach\.0\.sign: must be one of aws4,/);
    assert.match(judged('saml').reason, /oauth\.grant: must be one of client_credentials,/);
    assert.match(judged({ kind: 'api_key', name: 'Api Key' }).reason, /must be an HTTP header name/);
    assert.match(judged({ kind: 'two_step', token: '$.token' }).reason, /must be a JSON pointer/);
    assert.match(judged(['oauth2_code', 'two_step']).reason, /cannot be combined with oauth/);
  });

  it('takes several schemes at once, if each has a field of its own', () => {
    assert.equal(judged([{ kind: 'two_step', token: 'text' }, 'app_token', 'mutual_tls']).outcome, 'expressible');
    assert.equal(
      judged(['oauth1', { kind: 'api_key', name: 'a', in: 'query' }, { kind: 'api_key', name: 'b', in: 'cookie' }])
        .outcome,
      'expressible',
    );
    assert.match(judged(['basic', 'bearer']).reason, /attach\.1\.header: stands in this list already/);
    assert.match(judged(['oauth2_code', 'oauth2_password']).reason, /two of its schemes need oauth/);
  });

  it('makes placeholders of a catalogue credentials of the account', () => {
    const { outcome, chosen } = judged({
      kind: 'oauth2_client_credentials',
      tokenUrl: 'https://${connectionConfig.shop}.example/{{ realm }}/token',
    });
    assert.equal(outcome, 'expressible');
    assert.deepEqual(chosen[0]!.flows!.api['credentials'], {
      shop: 'required',
      realm: 'required',
      clientId: 'required',
      clientSecret: 'required',
    });
  });

  it('takes one of several ways, and does not judge what says nothing', () => {
    const entries = listedEntries([{ name: 'Acme', anyOf: ['ntlm', 'basic'] }, { name: 'Mute' }, { auth: 'magic' }]);
    assert.deepEqual(
      entries.map((entry) => judge(entry)).map(({ name, outcome }) => [name, outcome]),
      [
        ['Acme', 'expressible'],
        ['Mute', 'unclear'],
        ['number 3', 'unclear'],
      ],
    );
  });
});
