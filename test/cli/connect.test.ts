import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { call } from '../support/call.ts';
import { MAIN, run, serve } from '../support/process.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { requireBuild } from '../support/tools.ts';
import { closing } from '../support/custom-proxy.ts';
import { Person } from '../flows/oauth/person.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from '../flows/oauth/provider.ts';

describe('tokenward connect', function () {
  this.timeout(60_000);
  const close = closing();
  const provider = freshProvider({
    clients: [
      secretClient('client_secret_basic', {
        application_type: 'native',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback'],
      }),
    ],
    features: { deviceFlow: { enabled: true } },
  });
  before(function () {
    requireBuild(this);
  });

  function configIn(folder: string, upstream: string): string {
    const file = join(folder, 'proxy.config.yaml');
    const flow = {
      credentials: { clientId: 'required', clientSecret: 'required' },
      oauth: { grant: 'refresh_token', issuer: provider().issuer, scope: 'openid offline_access api' },
    };
    const config = {
      listen: { port: 0 },
      operator: { port: 0 },
      store: { type: 'embedded', path: join(folder, 'store') },
      flows: { own: flow },
      accounts: {
        crm: { flow: 'own', credentials: SECRET_CREDENTIALS },
        key: { flow: 'static', credentials: { token: 'k' } },
      },
      routes: [{ prefix: '/crm', upstream, account: 'crm' }],
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** Starts the command; `line` resolves with the first match in what it says. */
  function start(args: readonly string[]) {
    const child = spawn(process.execPath, [MAIN, 'connect', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const output = { stdout: '' };
    child.stdout.on('data', (piece) => (output.stdout += String(piece)));
    const line = (pattern: RegExp): Promise<string> =>
      new Promise((found) => {
        child.stderr.on('data', (piece) => {
          said += String(piece);
          const match = pattern.exec(said);
          if (match !== null) found(match[1]!);
        });
      });
    const ended = once(child, 'close').then(([code]) => ({ code: code as number, said, ...output }));
    return { line, ended };
  }

  it('brings tokens by a consent in a browser, which the proxy uses and renews', async () => {
    const api = await close(recordingServer(() => ({})));
    const config = configIn(temporaryFolder(), api.url);
    const command = start(['crm', '-c', config]);
    const url = await command.line(/(http:\/\/127\.0\.0\.1\S+)\nWaiting/);
    const back = await new Person().consent(`${url}&prompt=consent`, provider().issuer);
    assert.match(await (await fetch(back)).text(), /closed|done|back/i);
    const { code, stdout, said } = await command.ended;
    assert.equal(code, 0, said);
    assert.match(stdout, /^crm: refresh token and access token stored, generation 1; /);
    assert.match(said, /There was no store in \S+\/store, so it was made\. A tokenward that runs with another store/);
    const served = await serve(['-c', config]);
    assert.equal((await call(served.url, '/crm/x')).status, 200);
    assert.match(String(api.seen[0]?.headers.authorization), /^Bearer /);
    assert.deepEqual(provider().outcomes, ['granted']);
    await served.end();
  });

  it('brings tokens by a consent on another device', async () => {
    const config = configIn(temporaryFolder(), 'http://127.0.0.1:9');
    const command = start(['crm', '--device', '-c', config]);
    const complete = await command.line(/or open\n(\S+)\n/);
    await new Person().consent(complete, provider().issuer);
    const { code, stdout, said } = await command.ended;
    assert.equal(code, 0, said);
    assert.match(stdout, /^crm: refresh token and access token stored, generation 1; /);
  });

  it('says what it needs, and why an account cannot have it', async () => {
    const config = configIn(temporaryFolder(), 'http://127.0.0.1:9');
    for (const [args, words] of [
      [[], /connect needs the name of an account/],
      [['cmr'], /no account of this name in the configuration; did you mean "crm"\?/],
      [['key'], /the flow static has no refresh/],
    ] as const) {
      const { code, stderr } = await run(['connect', ...args, '-c', config]);
      assert.equal(code, 2);
      assert.match(stderr, words);
    }
  });
});
