import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { fakeUpstream, type FakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { answerOf, startServe, type Starting } from '../support/starting.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { freePort } from '../support/wire.ts';
import { ALERTMANAGER } from './inhibition.ts';
import { RULES } from './chart.ts';

interface Shipped {
  readonly listen: object;
  readonly operator: object;
  readonly store: object;
}

/** All of compose.yaml but Grafana, which no package registry of ours has, as processes with the shipped files. */
describe('the services of compose.yaml', function () {
  this.timeout(180_000);
  const folder = freshFolder();
  let tools: { prometheus: string; alertmanager: string };
  let redis: RedisServer;
  let upstream: FakeUpstream;
  let endpoint: FakeUpstream;
  const replicas: Starting[] = [];
  const others: ChildProcess[] = [];

  before(async function () {
    requireBuild(this);
    tools = {
      prometheus: requireTool(this, 'prometheus'),
      alertmanager: requireTool(this, 'prometheus-alertmanager'),
    };
    redis = await startRedis(requireTool(this, 'redis-server'), redisSettings());
    upstream = await fakeUpstream();
    endpoint = await fakeUpstream((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ access_token: `token-${endpoint.seen.length}`, token_type: 'Bearer', expires_in: 3600 }),
      );
    });
  });
  after(async () => {
    for (const { child } of replicas) child.kill('SIGKILL');
    for (const child of others) child.kill('SIGKILL');
    await Promise.all(replicas.map((one) => one.ended()));
    await Promise.all(others.map(async (child) => child.exitCode ?? child.signalCode ?? (await once(child, 'exit'))));
    await upstream?.close();
    await endpoint?.close();
    await redis?.stop();
  });

  /** The words of its command after the program, as `--name`. */
  function redisSettings(): readonly string[] {
    const { services } = parse(readFileSync('deploy/docker/compose.yaml', 'utf8')) as {
      services: { redis: { command: string[] } };
    };
    return services.redis.command.slice(1);
  }

  async function startReplica(): Promise<{ proxy: string; operator: string }> {
    const [port, operatorPort] = [await freePort(), await freePort()];
    const text = readFileSync('deploy/docker/proxy.config.yaml', 'utf8');
    const { listen, operator, store } = parse(text) as Shipped;
    const file = writeConfig(
      folder(),
      {
        listen: { ...listen, port },
        operator: { ...operator, port: operatorPort },
        store: { ...store, url: redis.url, key: Buffer.alloc(32, 'k').toString('base64') },
        callers: 'none',
        allowAnonymous: true,
        accounts: {
          crm: {
            flow: 'oauth2',
            credentials: { tokenUrl: `${endpoint.url}/token`, clientId: 'id', clientSecret: 'a-client-secret' },
          },
        },
        routes: [{ prefix: '/crm', upstream: upstream.url, account: 'crm' }],
      },
      `replica-${port}.yaml`,
    );
    replicas.push(startServe(file));
    return { proxy: `http://127.0.0.1:${port}`, operator: `127.0.0.1:${operatorPort}` };
  }

  /** Prometheus or Alertmanager. Its URL, once it is ready. */
  async function startOther(program: string, settings: readonly string[]): Promise<string> {
    const address = `127.0.0.1:${await freePort()}`;
    others.push(spawn(program, [...settings, `--web.listen-address=${address}`], { stdio: 'ignore' }));
    const url = `http://${address}`;
    await eventually(`${program} is ready`, async () => (await answerOf(`${url}/-/ready`))?.status === 200, 60_000);
    return url;
  }

  async function startPrometheus(targets: readonly string[], alertmanager: string): Promise<string> {
    const file = join(folder(), 'prometheus.yaml');
    const shipped = readFileSync('deploy/prometheus/prometheus.yaml', 'utf8');
    const config = parse(shipped) as { global: object };
    // The same file, on loopback, and with no minute of waiting.
    Object.assign(config.global, { scrape_interval: '1s', evaluation_interval: '1s', scrape_timeout: '1s' });
    const placed = stringify(config)
      .replace('alertmanager:9093', alertmanager)
      .replace('tokenward-a:9090', targets[0]!)
      .replace('tokenward-b:9090', targets[1]!);
    writeFileSync(file, placed);
    copyFileSync(RULES, join(folder(), 'alerts.yaml'));
    return startOther(tools.prometheus, [`--config.file=${file}`, `--storage.tsdb.path=${join(folder(), 'metrics')}`]);
  }

  it('serve as two replicas with one login, and are watched', async () => {
    const a = await startReplica();
    const b = await startReplica();
    const alertmanager = await startOther(tools.alertmanager, [
      `--config.file=${ALERTMANAGER}`,
      `--storage.path=${join(folder(), 'silences')}`,
      '--cluster.listen-address=',
    ]);
    const prometheus = await startPrometheus([a.operator, b.operator], alertmanager.replace('http://', ''));
    for (const { operator } of [a, b])
      await eventually(
        'a replica is ready',
        async () => (await answerOf(`http://${operator}/readyz`))?.status === 200,
        60_000,
      );

    for (const { proxy } of [a, b]) assert.equal((await call(proxy, '/crm/x')).status, 200);
    assert.equal(endpoint.seen.length, 1, 'the replicas do not share their token');
    assert.ok(upstream.seen.every(({ rawHeaders }) => rawHeaders.includes('Bearer token-1')));

    const query = async (expression: string): Promise<string[]> => {
      const { text } = (await answerOf(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`))!;
      const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } };
      return data.result.map(({ value: [, value] }) => value);
    };
    await eventually('both are scraped', async () => (await query('up{job="tokenward"} == 1')).length === 2, 60_000);
    await eventually(
      'the request of each is counted',
      async () => (await query('tokenward_requests_total{route="/crm"} > 0')).length === 2,
      60_000,
    );
    const { text } = (await answerOf(`${prometheus}/api/v1/alertmanagers`))!;
    const { data } = JSON.parse(text) as { data: { activeAlertmanagers: unknown[] } };
    assert.equal(data.activeAlertmanagers.length, 1);

    replicas[0]!.child.kill('SIGTERM');
    assert.equal(await replicas[0]!.ended(), 0, replicas[0]!.stderr());
    assert.equal((await call(b.proxy, '/crm/x')).status, 200);
    await eventually(
      'an alert is on its way',
      async () => (await query('ALERTS{alertname="TokenwardTargetDown"}')).length === 1,
      60_000,
    );
  });
});
