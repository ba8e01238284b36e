import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { eventually } from '../support/eventually.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, serve, type Served } from '../support/process.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { freshWorld } from '../support/world.ts';
import { freshPool, runs } from '../workers/worker-pool.ts';
import { missingIn, readRunbook, typed } from './runbook.ts';

/** Runs the commands of a page's "Check" and sees that they print what the page says. */
async function checked(alert: string, folder: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { check, prints } = readRunbook(alert);
  const { printed } = await typed(check, folder, env);
  assert.deepEqual(missingIn(printed, prints), [], printed);
  return printed;
}

/** Runs the commands of a page's "Fix"; each must succeed. */
async function fixed(
  alert: string,
  folder: string,
  env: Readonly<Record<string, string>> = {},
  adapt = (commands: string): string => commands,
): Promise<string> {
  const { code, printed } = await typed(adapt(readRunbook(alert).fix), folder, env);
  assert.equal(code, 0, printed);
  return printed;
}

describe('runbooks whose situation needs a stage of its own', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  beforeEach(function () {
    requireBuild(this);
    requireTool(this, 'curl');
  });

  describe('of workers', () => {
    const pool = freshPool();

    it('TokenwardWorkerCrashes: the count has each crash, and the log says how each ended', async function () {
      const { served, pids, logged, lines, callAnew } = await pool(this, 2);
      const [victim] = (await pids()) as [number];
      process.kill(victim, 'SIGKILL');
      await eventually('it has ended', () => !runs(victim));
      await logged('a worker has ended');
      const printed = await checked('TokenwardWorkerCrashes', folder(), { TOKENWARD_OPERATOR: served.operatorUrl });
      assert.match(printed, /^tokenward_worker_crashes_total 1$/m);
      // What the page says of the log. The kernel's own, of which "Fix" has the command, is the host's.
      assert.deepEqual(
        lines()
          .filter(({ msg }) => msg === 'a worker has ended')
          .map(({ detail }) => detail),
        ['SIGKILL'],
      );
      await eventually('it is replaced', async () => (await pids()).length === 2, 30_000);
      assert.equal((await callAnew('/softline/v1/order/7')).status, 200);
    });
  });

  describe('of the upstream and the log', () => {
    const world = freshWorld({
      config: (base) => ({ ...base, log: { access: { requests: 'all', perSecond: 1 } } }),
      surroundings: { access: { lines: { write: () => true, close: () => Promise.resolve() }, paint: undefined } },
    });

    it('TokenwardAccessLinesDropped: the count has the dropped lines, and no request fails', async () => {
      const { proxy, call } = world();
      const answers = await Promise.all(Array.from({ length: 20 }, () => call('/crm/v1/licenses')));
      assert.ok(answers.every(({ status }) => status === 200));
      const printed = await checked('TokenwardAccessLinesDropped', folder(), { TOKENWARD_OPERATOR: proxy.operatorUrl });
      assert.match(printed, /^tokenward_access_lines_dropped_total\{reason="limit"\} [1-9]\d*$/m);
      assert.match(await fixed('TokenwardAccessLinesDropped', folder()), /^Filesystem/m);
    });

    it('TokenwardUpstreamSlow: the time without tokenward is printed, and its own overhead is not that of the upstream', async () => {
      const { proxy, sandbox, call } = world();
      await call('/crm/v1/licenses');
      sandbox.chatapp.set({ apiDelayMs: 300 });
      assert.equal((await call('/crm/v1/licenses')).status, 200);
      const env = { TOKENWARD_OPERATOR: proxy.operatorUrl };
      const { check, prints } = readRunbook('TokenwardUpstreamSlow');
      const { printed } = await typed(
        check.replace('https://api.example.com/', `${sandbox.urls.chatapp}/v1/licenses`),
        folder(),
        env,
      );
      assert.deepEqual(missingIn(printed, prints), [], printed);
      // The sandbox refuses a request without a token at once, so that the time itself says nothing here.
      assert.match(printed, /^\d+\.\d+$/m);
      const overhead = /^tokenward_overhead_seconds_sum\{.*\} ([\d.e-]+)$/m.exec(
        await fixed('TokenwardUpstreamSlow', folder(), env),
      );
      assert.ok(Number(overhead?.[1]) < 0.3, overhead?.[0]);
    });
  });

  describe('of several processes', () => {
    const replicas: Served[] = [];
    afterEach(async () => {
      for (const replica of replicas.splice(0)) await replica.end('SIGKILL');
    });
    const configured = (token: string): string =>
      writeConfig(folder(), {
        listen: { host: '127.0.0.1', port: 0 },
        operator: { host: '127.0.0.1', port: 0 },
        store: { type: 'embedded', path: join(folder(), 'store') },
        callers: 'none',
        accounts: { a: { flow: 'static', credentials: { token } } },
        routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1', account: 'a' }],
      });
    const started = async (file: string): Promise<Served> => {
      const replica = await serve(['-c', file]);
      replicas.push(replica);
      return replica;
    };
    const shown = (alert: string, pattern: RegExp): Promise<(string | undefined)[]> =>
      Promise.all(
        replicas.map(async ({ operatorUrl }, index) => {
          const place = join(folder(), String(index));
          mkdirSync(place, { recursive: true });
          return pattern.exec(await checked(alert, place, { TOKENWARD_OPERATOR: operatorUrl }))?.[1];
        }),
      );

    it('TokenwardConfigsDiffer: two hashes, and one after the replica that was left behind has reloaded', async () => {
      await started(configured('one'));
      await started(configured('another'));
      const hashes = (): Promise<(string | undefined)[]> =>
        shown('TokenwardConfigsDiffer', /^tokenward_config_info\{hash="(\w+)"\} 1$/m);
      const [before, right] = await hashes();
      assert.ok(before !== undefined && right !== undefined && before !== right);
      replicas[0]!.child.kill('SIGHUP');
      await eventually('the first has reloaded', async () => (await hashes())[0] !== before, 20_000);
      assert.deepEqual(await hashes(), [right, right]);
    });

    it('TokenwardRestarts: each start has a later time, and the last lines say why the one before ended', async () => {
      const file = configured('one');
      const times: number[] = [];
      for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
        const replica = await started(file);
        const [time] = await shown('TokenwardRestarts', /^process_start_time_seconds ([\d.]+)$/m);
        times.push(Number(time));
        replicas.pop();
        await replica.end(signal);
        const last = replica.output().stderr.trimEnd().split('\n').at(-1) ?? '';
        if (signal === 'SIGTERM') assert.match(last, /stop/i);
        else assert.doesNotMatch(last, /stop/i);
      }
      assert.ok(
        times.every((time, index) => index === 0 || time >= times[index - 1]!),
        times.join(),
      );
      assert.ok(times[2]! > times[0]!, times.join());
    });
  });

  describe('of the authority', () => {
    const day = 86_400_000;
    const configured = (): string =>
      writeConfig(folder(), {
        store: { type: 'embedded', path: join(folder(), 'store'), key: Buffer.alloc(32, 1).toString('base64') },
        accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
        routes: [{ host: 'a.example', prefix: '/a', upstream: 'https://a.example/v1', account: 'a' }],
      });
    const exported = (): X509Certificate => new X509Certificate(readFileSync(join(folder(), 'authority.pem')));

    it('TokenwardCertificateExpiring: an authority that ends in six days is renewed, and its new certificate given out', async () => {
      const made = await run(['ca', 'make', '--days', '6', '-c', configured()]);
      assert.equal(made.code, 0, made.stderr);
      await checked('TokenwardCertificateExpiring', folder());
      await fixed('TokenwardCertificateExpiring', folder());
      assert.ok(Date.parse(exported().validTo) - Date.now() > 7 * day, exported().validTo);
      await checked('TokenwardCertificateExpiring', folder());
    });

    it('TokenwardClientsDistrustAuthority: what is exported is the certificate in use', async () => {
      const made = await run(['ca', 'make', '-c', configured()]);
      assert.equal(made.code, 0, made.stderr);
      await checked('TokenwardClientsDistrustAuthority', folder());
      await fixed('TokenwardClientsDistrustAuthority', folder());
      const shown = await run(['ca', 'show', '--json', '-c', configured()]);
      const { fingerprint } = JSON.parse(shown.stdout) as { fingerprint: string };
      assert.equal(exported().fingerprint256, fingerprint);
    });
  });
});
