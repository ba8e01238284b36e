import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyDigest } from '../../src/proxy/caller.ts';
import { COUNTS } from '../hostile/classes.ts';
import { call } from '../support/call.ts';
import { load } from '../support/config.ts';
import { both, freshWorld, withRoute } from '../support/world.ts';

const page = (name: string): string => readFileSync(name, 'utf8').replaceAll(/\s+/g, ' ');
/** The source files below a folder of src/. */
const sources = (folder: string): string[] =>
  (readdirSync(join('src', folder), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', folder, name));
const KEY = 'a-long-and-random-key-of-an-application';

// What a reader may rely on, and no other test of this folder compares with the program.
describe('what the documentation claims', () => {
  it('durations of the manual are taken wherever it shows one, and a bare number is seconds', () => {
    assert.match(page('proxy.config.yaml'), /Durations: 500ms, 30s, 5m, 1h; a bare number is seconds/);
    const seconds = (value: string, key: 'lifetime' | 'rotationGrace' | 'per'): number => {
      const setting = key === 'per' ? `budget: { logins: 5, per: ${value} }` : `${key}: ${value}`;
      const account = `{ flow: softline, credentials: { username: u, password: p }, ${setting} }`;
      const { flowOf } = load(
        [
          `accounts: { a: ${account} }`,
          'routes: [{ prefix: /a, upstream: "https://a.example", account: a }]',
          'store: { type: embedded }',
        ].join('\n'),
      );
      const flow = flowOf.get('a')!;
      return Number(key === 'per' ? flow.budget![0]!.per : flow[key]);
    };
    for (const key of ['lifetime', 'rotationGrace', 'per'] as const) {
      const read = ['30s', '5m', '1h', '90', '"90"'].map((value) => seconds(value, key));
      assert.deepEqual(read, [30, 300, 3600, 90, 90], key);
    }
  });

  it('the number of hostile items is that of the corpus', () => {
    const items = Object.values(COUNTS).reduce((sum, count) => sum + count, 0);
    const said = new RegExp(`\\b${items}\\b[\\w -]* items`);
    for (const name of ['README.md', 'docs/hostile.md']) assert.match(page(name), said, name);
    const rows = [...readFileSync('docs/hostile.md', 'utf8').matchAll(/^\| ([A-HPT]) \| (\d+) \|/gm)];
    assert.deepEqual(Object.fromEntries(rows.map(([, name, count]) => [name!, Number(count)])), COUNTS);
  });

  it('vendors are named in the presets, and elsewhere only by the fields of theirs that clients send', () => {
    const files = ['app', 'cli', 'config', 'http', 'operator', 'proxy', 'tokens', 'workers'].flatMap(sources);
    assert.ok(files.length > 50);
    const vendors = /AuthorizationJWT|login_check|ApiInvalidTokenError|softline\.com|chatapp\.online|twin24/i;
    const naming = files.filter((file) => vendors.test(readFileSync(file, 'utf8')));
    assert.deepEqual(naming, ['src/http/field-names.ts']);
    assert.match(page('README.md'), /presets\.ts.{0,200}field-names\.ts/);
  });

  it('src/tokens sends nothing itself', () => {
    const files = sources('tokens');
    assert.ok(files.length > 10);
    const sending = /from '(node:https?|node:net|node:tls|\.\.\/(\.\.\/)?(http|proxy)\/[^']*)'|\bfetch\(/;
    for (const file of files) assert.doesNotMatch(readFileSync(file, 'utf8'), sending, file);
  });
});

describe('what docs/errors.md says of X-Tokenward-Error', () => {
  const world = freshWorld({
    config: both(withRoute('/crm', { legacyLogin: 'answer' }), withRoute('/softline', { legacyLogin: 'refuse' })),
  });

  it("is on errors of tokenward's, not on the placeholder login response, as the page says", async () => {
    const login = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
    const refused = await world().call('/softline/v1/login_check', login);
    assert.deepEqual([refused.status, refused.headers['x-tokenward-error']], [403, 'login_path_refused']);
    const placeholder = await world().call('/crm/v1/tokens', login);
    assert.deepEqual([placeholder.status, placeholder.headers['x-tokenward-error']], [200, undefined]);
    assert.equal(world().sandbox.ledger.count({ kind: 'api' }), 0);
    const said = /with one exception: the placeholder login response of a route with `legacyLogin: answer`/;
    assert.match(page('docs/errors.md'), said);
  });

  it('is not on errors of the operator port, as the page says', async () => {
    const answer = await call(world().proxy.operatorUrl, '/no-such-path');
    assert.deepEqual([answer.status, answer.headers['x-tokenward-error']], [404, undefined]);
    assert.match(page('docs/errors.md'), /in plain JSON, without `X-Tokenward-Error`/);
  });
});

describe('where the README and SECURITY.md say a caller may show its key', () => {
  const world = freshWorld({ config: (base) => ({ ...base, callers: [{ name: 'app', key: keyDigest(KEY) }] }) });

  it('each place is taken, and each is named', async () => {
    const places = {
      'X-Tokenward-Key': { 'x-tokenward-key': KEY },
      'X-Api-Key': { 'x-api-key': KEY },
      'Authorization: Bearer': { authorization: `Bearer ${KEY}` },
      'Authorization: Basic': { authorization: `Basic ${Buffer.from(`any:${KEY}`).toString('base64')}` },
    };
    for (const [place, headers] of Object.entries(places)) {
      assert.equal((await world().call('/crm/v1/licenses', { headers })).status, 200, place);
      assert.ok(page('README.md').includes(`\`${place}\``), place);
    }
  });

  it('twenty wrong keys in a row make the address wait, a right key resets the count', async () => {
    const status = async (key: string): Promise<number> => {
      const answer = await world().call('/crm/v1/licenses', { headers: { 'x-tokenward-key': key } });
      return answer.status;
    };
    for (let wrong = 0; wrong < 19; wrong += 1) assert.equal(await status(`wrong ${wrong}`), 403);
    assert.equal(await status(KEY), 200);
    for (let wrong = 0; wrong < 20; wrong += 1) assert.equal(await status(`wrong again ${wrong}`), 403);
    assert.equal(await status('wrong once more'), 429);
    assert.equal(await status(KEY), 200);
    assert.match(page('SECURITY.md'), /Twenty wrong keys in a row from one address are answered with 429 for 30 s/);
  });
});
