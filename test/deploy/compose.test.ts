import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { requireBuild } from '../support/tools.ts';

interface Service {
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
}
const FOLDER = 'deploy/docker';
const COMPOSE = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8')) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: object;
};
const SERVICES = Object.entries(COMPOSE.services);

describe('compose.yaml', () => {
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
      for (const network of networks ?? []) assert.ok(network in COMPOSE.networks, network);
      if (build !== undefined) assert.ok(existsSync(join(FOLDER, build.context, build.dockerfile)));
    }
  });

  it('has a network for callers on which tokenward is the only way out', () => {
    assert.equal(COMPOSE.networks['callers']?.internal, true);
    assert.deepEqual(
      SERVICES.filter(([, { networks }]) => networks?.includes('callers')).map(([name]) => name),
      ['tokenward'],
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
      [...readFileSync(file, 'utf8').matchAll(/\$\{([A-Z][A-Z0-9_]*)\}/g)].map(([, name]) => [name!, 'stand-in']),
    );
    await promisify(execFile)(process.execPath, [program, 'check', '-c', file], {
      env: { PATH: process.env['PATH'], ...environment },
    });
  });
});
