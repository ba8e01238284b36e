import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { requireBuild, requireTool } from '../support/tools.ts';

interface Service {
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, { aliases?: readonly string[] }>>;
  readonly depends_on?: readonly string[] | Readonly<Record<string, object>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly build?: { readonly context: string; readonly dockerfile: string };
}
const FOLDER = 'deploy/docker';
const COMPOSE = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: object;
};
const SERVICES = Object.entries(COMPOSE.services);
const REPLICAS = ['tokenward-a', 'tokenward-b'];

function names(of: readonly string[] | Readonly<Record<string, object>> = []): string[] {
  return of instanceof Array ? [...of] : Object.keys(of);
}

describe('compose.yaml', () => {
  it('is one that docker compose reads', async function () {
    const read = requireTool(this, 'compose-config');
    const folder = mkdtempSync(join(tmpdir(), 'tokenward-compose-'));
    try {
      // Relative paths in it are not followed: that they exist is checked below.
      copyFileSync(join(FOLDER, 'compose.yaml'), join(folder, 'compose.yaml'));
      copyFileSync(join(FOLDER, 'tokenward.env.example'), join(folder, 'tokenward.env'));
      const { stdout } = await promisify(execFile)(read, ['-format', 'json', join(folder, 'compose.yaml')]);
      const { services } = JSON.parse(stdout) as { services: Record<string, Service> };
      assert.deepEqual(Object.keys(services).sort(), SERVICES.map(([name]) => name).sort());
      // As the container gets it: "$$" is a dollar sign.
      const [, health] = /^HEALTHCHECK [^[]*(\[.*\])$/m.exec(readFileSync(join(FOLDER, 'Dockerfile'), 'utf8'))!;
      for (const name of REPLICAS) {
        const [, ...test] = services[name]!.healthcheck!.test.map((word) => word.replaceAll('$$', '$'));
        assert.deepEqual(test, JSON.parse(health!));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('publishes no port twice, and waits for services that there are', () => {
    const ports = SERVICES.flatMap(([, service]) => service.ports ?? []).map((port) => port.split(':')[1]);
    assert.deepEqual(ports, [...new Set(ports)]);
    for (const [name, { depends_on: others }] of SERVICES)
      for (const other of names(others)) assert.ok(other in COMPOSE.services, `${name}: ${other}`);
  });

  it('scrapes every replica, tells Alertmanager, and is called by one name', () => {
    const { scrape_configs: jobs, alerting } = parse(readFileSync('deploy/prometheus/prometheus.yaml', 'utf8')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
      alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
    };
    const targets = jobs.flatMap(({ static_configs: lists }) => lists.flatMap((list) => list.targets));
    assert.deepEqual(
      targets,
      REPLICAS.map((name) => `${name}:9090`),
    );
    const told = alerting.alertmanagers.flatMap(({ static_configs: lists }) => lists.flatMap((list) => list.targets));
    assert.deepEqual(told, ['alertmanager:9093']);
    const config = readFileSync(join(FOLDER, 'proxy.config.yaml'), 'utf8');
    assert.ok(config.includes(`hosts: [${REPLICAS.join(', ')}]`), 'Prometheus calls them by these names');
    for (const name of REPLICAS) {
      const { networks } = COMPOSE.services[name]!;
      assert.deepEqual((networks as Record<string, { aliases?: string[] }>)['callers']?.aliases, ['tokenward']);
    }
  });

  it('publishes ports on loopback only', () => {
    for (const [name, { ports }] of SERVICES)
      for (const port of ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
  });

  it('mounts and builds from what is there', () => {
    for (const [name, { volumes, networks, build }] of SERVICES) {
      for (const volume of volumes ?? []) {
        const source = volume.split(':')[0]!;
        assert.ok(
          source.startsWith('.') ? existsSync(join(FOLDER, source)) : source in COMPOSE.volumes,
          `${name}: ${source}`,
        );
      }
      for (const network of names(networks)) assert.ok(network in COMPOSE.networks, network);
      if (build !== undefined) assert.ok(existsSync(join(FOLDER, build.context, build.dockerfile)));
    }
  });

  it('has a network for callers on which tokenward is the only way out', () => {
    assert.equal(COMPOSE.networks['callers']?.internal, true);
    assert.deepEqual(
      SERVICES.filter(([, { networks }]) => names(networks).includes('callers')).map(([name]) => name),
      REPLICAS,
    );
    assert.equal(COMPOSE.networks['store']?.internal, true);
    assert.deepEqual(
      SERVICES.filter(([, { networks }]) => names(networks).includes('store')).map(([name]) => name),
      [...REPLICAS, 'redis'],
    );
  });

  it('names in its environment example all that its configuration asks for', () => {
    const asked = [...readFileSync(join(FOLDER, 'proxy.config.yaml'), 'utf8').matchAll(/\$\{([A-Z][A-Z0-9_]*)\}/g)].map(
      ([, name]) => name!,
    );
    const named = [...readFileSync(join(FOLDER, 'tokenward.env.example'), 'utf8').matchAll(/^([A-Z_]+)=$/gm)].map(
      ([, name]) => name!,
    );
    assert.deepEqual([...asked].sort(), [...named].sort());
  });

  it('brings a configuration that passes tokenward check', async function () {
    const program = requireBuild(this);
    const file = join(FOLDER, 'proxy.config.yaml');
    const environment = Object.fromEntries(
      [...readFileSync(file, 'utf8').matchAll(/\$\{([A-Z][A-Z0-9_]*)\}/g)].map(([, name]) => [
        name!,
        name === 'TOKENWARD_STORE_KEY' ? Buffer.alloc(32, 'k').toString('base64') : 'stand-in',
      ]),
    );
    await promisify(execFile)(process.execPath, [program, 'check', '-c', file], {
      env: { PATH: process.env['PATH'], ...environment },
    });
  });
});
