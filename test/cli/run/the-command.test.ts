import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import { freshFolder, writeConfig } from '../../support/files.ts';
import { MAIN, run } from '../../support/process.ts';
import { requireBuild, requireTool } from '../../support/tools.ts';

const SECRET = 'a-secret-that-the-command-must-not-find';

describe('the command of tokenward run', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  let config: string;
  before(function () {
    requireBuild(this);
  });
  beforeEach(() => {
    config = writeConfig(folder(), {
      store: { type: 'embedded', path: join(folder(), 'store'), key: Buffer.alloc(32, 5).toString('base64') },
      accounts: { a: { flow: 'static', credentials: { token: '${A_TOKEN}' } } },
      routes: [{ prefix: '/a', upstream: 'https://api.vendor.example', account: 'a' }],
    });
  });
  const env = { A_TOKEN: SECRET, NO_PROXY: 'intern.example,.vendor.example' };
  const sh = (script: string, ...options: string[]) =>
    run(['run', '-c', config, ...options, '--', 'sh', '-c', script], { env });

  it('gets its input, and gives its output and exit code', async () => {
    const finished = await run(['run', '-c', config, '--', 'sh', '-c', 'cat; exit 7'], { env, input: 'hello' });
    assert.deepEqual([finished.code, finished.stdout], [7, 'hello']);
    assert.equal((await sh('kill -TERM $$')).code, 143);
    assert.equal((await run(['run', '-c', config, '--', 'no-such-program'], { env })).code, 127);
  });

  it('finds the proxy and files of trust, which are gone afterwards, and none of the secrets', async () => {
    const { code, stdout } = await sh('env; ls -l "$SSL_CERT_FILE" "$NODE_EXTRA_CA_CERTS" "$WGETRC" >&2');
    assert.equal(code, 0);
    assert.ok(!stdout.includes(SECRET));
    const variables = new Map(stdout.split('\n').map((line) => line.split(/=(.*)/s, 2) as [string, string]));
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])
      assert.match(variables.get(name)!, /^http:\/\/run:[\w-]{32}@127\.0\.0\.1:\d+$/);
    // What would lead requests to the route's host past the proxy is left out.
    assert.equal(variables.get('no_proxy'), 'localhost,127.0.0.1,::1,intern.example');
    for (const name of ['SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'])
      assert.ok(!existsSync(variables.get(name)!), name);
    assert.match(variables.get('JAVA_TOOL_OPTIONS')!, /-Djavax\.net\.ssl\.trustStore=/);
  });

  it('is told at its end which hosts were refused, and how to let them through', async function () {
    requireTool(this, 'curl');
    const { stderr } = await sh('curl -s https://other.example/; true');
    assert.match(stderr, /Refused, because no route has this host: other\.example\..*--tunnel HOST/);
  });

  it('gets the signals, and the proxy lives until it has ended', async () => {
    const child = spawn(
      process.execPath,
      [
        MAIN,
        'run',
        '-c',
        config,
        '--',
        'sh',
        '-c',
        "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
      ],
      { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await eventually('the command runs', () => output.includes('ready'));
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number];
    assert.deepEqual([code, output], [3, 'ready\ncaught\n']);
  });

  it('is needed, behind --, and so is something to stand in front of', async () => {
    for (const args of [['run'], ['run', 'curl'], ['run', '--']]) {
      const { code, stderr } = await run(
        [...args, '-c', config].sort(() => 0),
        { env },
      );
      assert.equal(code, 2, stderr);
    }
    const plain = writeConfig(
      folder(),
      {
        store: { type: 'embedded', path: join(folder(), 'store') },
        accounts: { a: { flow: 'static', credentials: { token: '${A_TOKEN}' } } },
        routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1', account: 'a' }],
      },
      'plain.yaml',
    );
    for (const options of [[], ['--check']]) {
      const { code, stderr } = await run(['run', ...options, '-c', plain, '--', 'curl'], { env });
      assert.equal(code, 2);
      assert.match(stderr, /no route has a host or an https upstream/);
    }
  });

  it('is not started, and nothing stays open, where the files of trust cannot be written', async () => {
    const nowhere = { ...env, TMPDIR: join(folder(), 'nowhere') };
    const { code, stdout, stderr } = await run(['run', '-c', config, '--', 'echo', 'started'], { env: nowhere });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /No folder for the authority can be made in .*nowhere \(ENOENT\)/);
  });

  it('is checked with --check: its runtime uses the proxy and trusts the authority, or why not', async function () {
    requireTool(this, 'curl');
    requireTool(this, 'python3');
    for (const program of ['curl', 'python3']) {
      const { code, stdout, stderr } = await run(['run', '--check', '-c', config, '--', program, 'x'], { env });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /goes through the proxy and trusts its authority/);
    }
    const unknown = await run(['run', '--check', '-c', config, '--', 'true'], { env });
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /true cannot be checked/);
    if (Number(process.versions.node.split('.')[0]) >= 24) return;
    const node = await run(['run', '--check', '-c', config, '--', process.execPath, 'app.js'], { env });
    assert.equal(node.code, 1);
    assert.match(node.stderr, /does not go through the proxy.*from Node 24/);
  });
});
