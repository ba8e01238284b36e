import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { run, serve } from '../support/process.ts';
import { sandboxConfigObject, temporaryFolder } from '../support/proxy.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const README = readFileSync('README.md', 'utf8');
const PACKAGE = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/** Every line of a sh block, and every inline `…` that begins like a command. */
const COMMANDS = [
  ...[...README.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n')),
  ...[...README.matchAll(/`((?:npm|node|helm|tokenward) [^`]+)`/g)].map(([, command]) => command!),
];

/** How each command is run here. A command of the README that is missing here fails the test below. */
const CHECKED: Readonly<
  Record<
    string,
    | 'by CI on a clean clone'
    | 'by a test of this file'
    | 'by its own test'
    | 'by pretest'
    | 'its files only, by a test of this file'
  >
> = {
  'npm ci && npm test': 'by CI on a clean clone',
  'npm ci && npm run demo': 'by a test of this file',
  'npm run demo -- --once': 'by a test of this file',
  'npm run build': 'by pretest',
  'npm ci && npm run build && npm install --global .': 'by a test of this file',
  'docker build -f deploy/docker/Dockerfile -t tokenward:0.1.0 .': 'its files only, by a test of this file',
  'helm install tokenward helm/tokenward -n egress -f my-values.yaml': 'by a test of this file',
  'npm run check': 'by CI on a clean clone',
  'npm run bench -- --quick': 'by a test of this file',
  'npm run simulate': 'by CI on a clean clone',
  'npm run verify:hostile': 'by CI on a clean clone',
  'npm run verify:crash': 'by CI on a clean clone',
  'npm run verify:replicas': 'by CI on a clean clone',
  'npm run verify:oauth': 'by CI on a clean clone',
  'tokenward run -- python3 app.py': 'by its own test',
  'tokenward flow new': 'by its own test',
  'tokenward flow try ACCOUNT': 'by its own test',
  'tokenward store copy --from OLD.yaml --to NEW.yaml': 'by its own test',
  'node dist/main.js check -c proxy.config.yaml': 'by a test of this file',
  'node dist/main.js serve -c proxy.config.yaml': 'by a test of this file',
  'node dist/main.js schema': 'by a test of this file',
  'node dist/main.js hash-key': 'by a test of this file',
  'node dist/main.js status -c proxy.config.yaml': 'by a test of this file',
  'node dist/main.js renew crm --use-reserve -c proxy.config.yaml': 'by a test of this file',
  'node dist/main.js import crm -c proxy.config.yaml': 'by its own test',
  'tokenward init --flow chatapp --name crm': 'by a test of this file',
  'tokenward check --online': 'by its own test',
  'tokenward explain POST /crm/v1/messages': 'by a test of this file',
  'tokenward status': 'by its own test',
  'tokenward top': 'by its own test',
  'helm template tokenward helm/tokenward': 'by a test of this file',
};

describe('the README', () => {
  it('names no command that nothing runs', () => {
    assert.deepEqual(
      COMMANDS.filter((command) => CHECKED[command] === undefined && command !== 'tokenward'),
      [],
    );
  });

  it('has its test command run by CI to the letter', () => {
    assert.match(README, /\nnpm ci && npm test\n/);
    assert.match(readFileSync('.ci/run', 'utf8'), /npm ci && npm test/);
  });

  it('links to files that exist', () => {
    const links = [...README.matchAll(/\]\(([^)#]+)\)/g)]
      .map(([, link]) => link!)
      .filter((link) => !/^https?:/.test(link));
    assert.deepEqual(
      links.filter((link) => !existsSync(link)),
      [],
    );
  });

  it('npm run demo: starts, and the curl lines it prints answer', async function () {
    requireBuild(this);
    assert.match(PACKAGE.scripts['demo']!, /node dist\/main\.js demo$/);
    const child = spawn(process.execPath, ['dist/main.js', 'demo'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
    while (!text.includes('What reaches the upstreams')) await once(child.stdout, 'data');
    const curls = [...text.matchAll(/curl (-X POST )?(http\S+)$/gm)];
    assert.ok(curls.length >= 5);
    for (const [line, post, url] of curls)
      assert.equal((await fetch(url!, { method: post === undefined ? 'GET' : 'POST' })).status, 200, line);
    const page = text.match(/page +(\S+)/)![1]!;
    assert.match(await (await fetch(page)).text(), /tokenward/);
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0);
  });

  it('npm run demo -- --once: the tour passes in under 15 s', async function () {
    requireBuild(this);
    const start = performance.now();
    const child = spawn(process.execPath, ['dist/main.js', 'demo', '--once'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
    const [code] = (await once(child, 'close')) as [number];
    assert.match(text, /^tour: \d+ passed, 0 failed$/m);
    assert.equal(code, 0);
    assert.ok(performance.now() - start < 15_000);
  });

  it('check and serve take the configuration of the README and the manual', async function () {
    requireBuild(this);
    const env = {
      CHATAPP_EMAIL: 'a@b.example',
      CHATAPP_PASSWORD: 'x',
      CHATAPP_APP_ID: 'app_1_1',
      SOFTLINE_USERNAME: 'u',
      SOFTLINE_PASSWORD: 'p',
      TWIN_EMAIL: 'a@b.example',
      TWIN_PASSWORD: 'p',
    };
    const smallest = README.match(/```yaml\n([\s\S]*?)```/)![1]!;
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'small.yaml'), smallest);
    for (const file of [join(folder, 'small.yaml'), 'proxy.config.yaml']) {
      const { code, stderr } = await run(['check', '-c', file], { env });
      assert.equal(code, 0, stderr);
    }
    writeFileSync(
      join(folder, 'free.yaml'),
      `${smallest.replace('./data', folder)}listen: { port: 0 }\noperator: { port: 0 }\n`,
    );
    const served = await serve(['-c', join(folder, 'free.yaml')], env);
    assert.equal(await served.end(), 0);
  });

  it('init writes a configuration that check and explain take', async function () {
    requireBuild(this);
    const cwd = temporaryFolder();
    const env = { CRM_EMAIL: 'a@b.example', CRM_PASSWORD: 'x', CRM_APP_ID: 'app_1_1' };
    assert.equal((await run(['init', '--flow', 'chatapp', '--name', 'crm'], { cwd })).code, 0);
    assert.equal((await run(['check'], { cwd, env })).code, 0);
    const { code, stdout } = await run(['explain', 'POST', '/crm/v1/messages'], { cwd, env });
    assert.equal(code, 0);
    assert.match(stdout, /^upstream +POST https:\/\/api\.chatapp\.online\/v1\/messages$/m);
  });

  it('schema, hash-key, status and renew do what it says', async function () {
    requireBuild(this);
    assert.equal((JSON.parse((await run(['schema'])).stdout) as { type: string }).type, 'object');
    assert.match((await run(['hash-key'], { input: '' })).stdout, /^sha256:[0-9a-f]{64}\n$/);
    const sandbox = await startSandbox();
    const folder = temporaryFolder();
    const file = join(folder, 'proxy.config.yaml');
    const base = sandboxConfigObject(sandbox, folder);
    const operator = await freePort();
    writeFileSync(file, JSON.stringify({ ...base, operator: { host: '127.0.0.1', port: operator } }));
    const served = await serve(['-c', file]);
    try {
      const renewed = await run(['renew', 'crm', '--use-reserve', '-c', file]);
      assert.equal(renewed.stdout, 'crm has a new token, generation 1\n');
      assert.match((await run(['status', '-c', file])).stdout, /crm +chatapp +working +1/);
    } finally {
      await served.end();
      await sandbox.close();
    }
  });

  it('npm install --global . gives the command tokenward', function () {
    requireBuild(this);
    const prefix = temporaryFolder();
    execFileSync('npm', ['install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, '.'], {
      stdio: 'ignore',
    });
    const stated = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
    const said = execFileSync(join(prefix, 'bin', 'tokenward'), ['--version'], { encoding: 'utf8' });
    assert.equal(said.trim(), stated);
  });

  it('docker build names a file that exists, and the version of this package', () => {
    const [, file, version] = /^docker build -f (\S+) -t tokenward:(\S+) \.$/m.exec(README)!;
    assert.ok(existsSync(file!));
    assert.equal(version, (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
  });

  it('helm install: the chart renders with the values that deploy/README.md shows', function () {
    const helm = requireTool(this, 'helm');
    const values = join(temporaryFolder(), 'my-values.yaml');
    writeFileSync(
      values,
      /```yaml\n# my-values\.yaml\n([\s\S]*?)```/.exec(readFileSync('deploy/README.md', 'utf8'))![1]!,
    );
    const rendered = execFileSync(
      helm,
      ['template', 'tokenward', 'helm/tokenward', '-n', 'egress', '-f', values, '--kube-version', '1.31.0'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    assert.match(rendered, /api\.chatapp\.online/);
  });

  it('helm template renders', function () {
    // A helm built from source takes itself for one of an old Kubernetes unless told otherwise.
    const helm = requireTool(this, 'helm');
    assert.match(
      execFileSync(helm, ['template', 'tokenward', 'helm/tokenward', '--kube-version', '1.31.0'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
      /kind: Deployment/,
    );
  });

  it('npm run bench -- --help answers', function () {
    assert.match(PACKAGE.scripts['bench']!, /tsx bench\/run\.ts$/);
    assert.match(
      execFileSync(process.execPath, ['--import', 'tsx', 'bench/run.ts', '--help'], { encoding: 'utf8' }),
      /--quick/,
    );
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
