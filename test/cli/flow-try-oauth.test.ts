import assert from 'node:assert/strict';
import { join } from 'node:path';
import { closing } from '../support/custom-proxy.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, type Finished } from '../support/process.ts';
import { recordingServer, type Reply } from '../support/recording-server.ts';
import { requireBuild } from '../support/tools.ts';

const SECRET = 'hush-7f3a5c9e';
const GRANT = { access_token: 'acc-7f3a5c9e', refresh_token: 'ref-7f3a5c9e', token_type: 'Bearer', expires_in: 600 };

describe('tokenward flow try, of an account that logs in by oauth', () => {
  const close = closing();
  const folder = freshFolder();

  before(function () {
    requireBuild(this);
  });

  async function start(oauth: object, reply: (url: string) => Reply, more: object = {}) {
    const server = await close(recordingServer(({ url }) => reply(url)));
    const { url } = server;
    const written = JSON.parse(JSON.stringify(oauth).replaceAll('SERVER', url)) as object;
    const tries = (...args: string[]): Promise<Finished> =>
      run([
        ...['flow', 'try', 'one', ...args, '-c'],
        writeConfig(folder(), {
          store: { type: 'embedded', path: join(folder(), 'data') },
          flows: { own: { credentials: { clientId: 'required', word: 'required' }, oauth: written, ...more } },
          accounts: { one: { flow: 'own', credentials: { clientId: 'my-client', word: SECRET } } },
          routes: [{ prefix: '/api', upstream: `${url}/v1`, account: 'one' }],
        }),
      ]);
    return { server, tries };
  }

  const noSecrets = ({ stdout, stderr }: Finished): void => {
    for (const secret of [SECRET, GRANT.access_token, GRANT.refresh_token])
      assert.ok(!`${stdout}${stderr}`.includes(secret), stdout);
  };

  it('makes a login, a refresh and a request, and shows each with its secrets masked', async () => {
    const oauth = { tokenUrl: 'SERVER/token', clientSecret: '{word}', clientAuth: 'post' };
    const { server, tries } = await start(oauth, (url) => ({ body: url === '/token' ? GRANT : {} }));
    const finished = await tries('--refresh', '--path', '/x');
    assert.equal(finished.code, 0, finished.stderr);
    noSecrets(finished);
    assert.deepEqual(
      server.seen.map(
        ({ method, url, body }) => `${method} ${url} ${new URLSearchParams(body).get('grant_type') ?? ''}`,
      ),
      ['POST /token client_credentials', 'POST /token refresh_token', 'GET /v1/x '],
    );
    assert.equal(server.seen[2]!.headers.authorization, `Bearer ${GRANT.access_token}`);
    for (const line of [
      /^ {4}grant_type=client_credentials&client_id=my-client&client_secret=hu…\(13 characters\)$/m,
      /^ {4}token +\/access_token +text ac…\(12 characters\)$/m,
      /^login: granted: a token and a refresh token\n {2}the token lives 10 min$/m,
      /^ {4}refresh_token=re…\(12 characters\)&grant_type=refresh_token/m,
      /^refresh: granted/m,
      /no rule of invalid matched: for tokenward the token is alive$/m,
    ])
      assert.match(finished.stdout, line);
  });

  it('--dry-run shows the token request, and sends none', async () => {
    const { server, tries } = await start(
      { tokenUrl: 'SERVER/token', clientSecret: '{word}', scope: 'api' },
      () => ({}),
    );
    const finished = await tries('--dry-run');
    assert.deepEqual([finished.code, server.seen.length], [0, 0]);
    assert.match(finished.stdout, /^login:\n {2}POST http\S+\/token\n[\s\S]*scope=api&grant_type=client_credentials/m);
    noSecrets(finished);
  });

  it('does not spend the refresh token of the store, and shows how it would be spent', async () => {
    const oauth = { grant: 'refresh_token', tokenUrl: 'SERVER/token', clientSecret: '{word}' };
    const { server, tries } = await start(oauth, () => ({ body: GRANT }));
    const refused = await tries();
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /only a refresh token in the store/);
    const dry = await tries('--dry-run');
    assert.match(dry.stdout, /^refresh:[\s\S]*refresh_token=\{refreshToken\}&grant_type=refresh_token/m);
    assert.deepEqual([dry.code, server.seen.length], [0, 0]);
  });

  it('shows what the metadata names, and then the token request', async () => {
    let issuer = '';
    const { server, tries } = await start({ issuer: 'SERVER', clientSecret: '{word}', clientAuth: 'basic' }, (url) => ({
      body: url.startsWith('/.well-known/')
        ? { issuer, token_endpoint: `${issuer}/idp`, jwks_uri: `${issuer}/k` }
        : GRANT,
    }));
    issuer = server.url;
    const finished = await tries();
    assert.equal(finished.code, 0, finished.stderr);
    assert.match(
      finished.stdout,
      /call 1 of 2:\n {2}GET \S+openid-configuration\n[\s\S]*\/token_endpoint +http\S+\/idp$/m,
    );
    assert.match(
      finished.stdout,
      /call 2 of 2:\n {2}POST \S+\/idp\n[\s\S]*authorization: Basic base64 of my-client:hu…/m,
    );
    assert.ok(!finished.stdout.includes('jwks_uri'));
    noSecrets(finished);
  });

  it('says which rule a refusal is by, and where the flow is written', async () => {
    const oauth = { tokenUrl: 'SERVER/token', clientSecret: '{word}', clientAuth: 'post' };
    const { tries } = await start(oauth, () => ({ status: 401, body: { error: 'invalid_client' } }));
    const { code, stdout, stderr } = await tries();
    assert.equal(code, 1);
    assert.match(stdout, /of OAuth 2\.0 \(RFC 6749, section 5\.2\) matched: refused$/m);
    assert.match(stderr, /the login brought no token \(refused\); the flow is at flows\.own, line \d+$/m);
  });

  for (const [what, reply, said] of [
    [
      'a page',
      { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>blocked-by-the-firewall</html>' },
      /403 text\/html\)/,
    ],
    [
      'XML',
      { headers: { 'content-type': 'text/xml' }, body: '<a><b>c</b></a>' },
      /no access_token: \S+ answered 200 text\/xml that is XML\)/,
    ],
    [
      'an XML bomb',
      { headers: { 'content-type': 'text/xml' }, body: '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' },
      /that is no readable XML \(not well-formed, nested too deeply, or with a DOCTYPE\)/,
    ],
  ] as const)
    it(`says of ${what} what it is, and takes it for no token`, async () => {
      const { tries } = await start(
        { tokenUrl: 'SERVER/token', clientSecret: '{word}', clientAuth: 'post' },
        () => reply,
      );
      const { code, stdout } = await tries();
      assert.equal(code, 1);
      assert.match(stdout, said);
      assert.match(stdout, /token +\/access_token +nothing \(flows\.own, line \d+\)$/m);
    });

  it('names the line of the value that an answer lacks, and of the upstream that it may not name', async () => {
    const oauth = {
      tokenUrl: 'SERVER/token',
      clientSecret: '{word}',
      clientAuth: 'post',
      answer: { host: '/instance' },
    };
    const more = { upstream: '{host}' };
    const lacks = await (await start(oauth, () => ({ body: GRANT }), more)).tries();
    assert.match(lacks.stdout, /host +\/instance +nothing \(flows\.own, line \d+\)$/m);
    const foreign = await start(oauth, () => ({ body: { ...GRANT, instance: 'https://other.example' } }), more);
    const { code, stderr } = await foreign.tries('--path', '/x');
    assert.equal(code, 1);
    assert.match(stderr, /upstream_not_allowed[^\n]*; see flows\.own, line \d+$/m);
    assert.equal(foreign.server.seen.length, 1);
  });
});
