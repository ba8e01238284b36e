import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { keyDigest } from '../../src/proxy/caller.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, type Finished } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const CANARY = 'cAnArY7f3a-secret';

describe('tokenward explain', () => {
  const folder = freshFolder();
  const explain = (words: readonly string[], change: object = {}): Promise<Finished> => {
    const file = writeConfig(folder(), {
      listen: { port: 8080, forward: { tunnel: ['pypi.example'] } },
      accounts: {
        crm: { flow: 'chatapp', credentials: { email: 'a@b.example', password: CANARY, appId: '1' } },
        key: { flow: 'static', credentials: { token: CANARY } },
      },
      routes: [
        { prefix: '/crm', upstream: 'https://api.chatapp.example/base', account: 'crm' },
        {
          prefix: '/key',
          upstream: 'https://key.example',
          account: 'key',
          headers: { 'X-Api-Key': CANARY, 'X-Plain': 'plain' },
          policy: { allow: [{ methods: ['GET'] }] },
        },
        { host: 'vendor.example', upstream: 'https://vendor.example', account: 'crm', legacyLogin: 'answer' },
      ],
      ...change,
    });
    return run(['explain', ...words, '-c', file]);
  };
  const rows = ({ stdout }: Finished): Record<string, string> =>
    Object.fromEntries(stdout.split('\n').map((line) => [line.slice(0, 13).trim(), line.slice(13)]));

  it('names route, account and the URL that the upstream gets, and sends nothing', async function () {
    requireBuild(this);
    const upstream = createServer().listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    let connections = 0;
    upstream.on('connection', () => (connections += 1));
    const { port } = upstream.address() as { port: number };
    const routes = [{ prefix: '/crm', upstream: `http://127.0.0.1:${port}/base`, account: 'crm' }];
    const result = await explain(['POST', '/crm/v1/messages?a=b'], { routes });
    upstream.close();
    assert.deepEqual([result.code, result.stderr, connections], [0, '', 0]);
    const { route, account, upstream: url, outcome, added, removed } = rows(result);
    assert.deepEqual(
      [outcome, route, account, url, added],
      [
        'forwarded',
        '/crm',
        'crm (chatapp)',
        `POST http://127.0.0.1:${port}/base/v1/messages?a=b`,
        'Authorization: {token}',
      ],
    );
    assert.match(removed!, /^authorization, /);
  });

  it('masks every secret', async function () {
    requireBuild(this);
    for (const more of [[], ['--json']]) {
      const result = await explain(['/key/a', ...more]);
      assert.equal(result.code, 0);
      assert.match(result.stdout, /X-Plain: plain/);
      assert.ok(!(result.stdout + result.stderr).includes(CANARY), result.stdout);
    }
  });

  it('says which of the fields of a request are not forwarded', async function () {
    requireBuild(this);
    const fields = ['-H', 'Authorization: Bearer old', '-H', 'Accept: */*', '-H', 'X-Forwarded-For: 10.0.0.1'];
    assert.equal(rows(await explain(['/crm/a', ...fields]))['removed'], 'authorization, x-forwarded-for');
  });

  it('says why a request would be refused, and ends with 1', async function () {
    requireBuild(this);
    for (const [words, code] of [
      [['/nowhere'], 'route_unknown'],
      [['POST', '/key/a'], 'policy_refused'],
      [['/crm/../key'], 'request_target_refused'],
      [['POST', '/crm/v1/tokens'], 'login_path_refused'],
      [['https://other.example/'], 'forward_refused'],
    ] as const) {
      const result = await explain([...words, '--json']);
      assert.equal(result.code, 1, words.join(' '));
      const { outcome, code: said } = JSON.parse(result.stdout) as { outcome: string; code: string };
      assert.deepEqual([outcome, said], ['refused', code], words.join(' '));
    }
  });

  it('follows the host of a URL: a route, a tunnel, or the proxy itself', async function () {
    requireBuild(this);
    for (const [words, outcome, route] of [
      [['https://vendor.example/v1/licenses'], 'forwarded', 'vendor.example'],
      [['POST', 'https://vendor.example/v1/tokens'], 'answered', 'vendor.example'],
      [['https://pypi.example/simple'], 'tunnelled', undefined],
      [['http://127.0.0.1:8080/crm/a'], 'forwarded', '/crm'],
      [['http://localhost:8080/crm/a'], 'forwarded', '/crm'],
    ] as const) {
      const result = await explain([...words, '--json']);
      const said = JSON.parse(result.stdout) as { outcome: string; route?: string };
      assert.deepEqual([result.code, said.outcome, said.route], [0, outcome, route], words.join(' '));
    }
  });

  it('asks as the caller that is named', async function () {
    requireBuild(this);
    const callers = [
      { name: 'billing', key: keyDigest('k'.repeat(30)), routes: ['/crm'] },
      { name: 'other', key: keyDigest('o'.repeat(30)) },
    ];
    const code = async (...words: string[]): Promise<number | null> => (await explain(words, { callers })).code;
    assert.equal(await code('/crm/a', '--caller', 'billing'), 0);
    assert.equal(await code('/key/a', '--caller', 'other'), 0);
    assert.equal(await code('/key/a', '--caller', 'billing'), 1);
    const { code: unknown, stderr } = await explain(['/crm/a', '--caller', 'biling'], { callers });
    assert.equal(unknown, 2);
    assert.match(stderr, /did you mean "billing"\?/);
  });
});
