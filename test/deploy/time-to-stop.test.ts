import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { STOP_MARGIN_MS } from '../../src/deadlines.ts';
import { podTemplate, refusal, render, renderedConfig } from './chart.ts';

const STOP_MARGIN = STOP_MARGIN_MS / 1000;

/** `shutdown` of a configuration, in seconds. What the text takes from the environment does not matter here. */
function shutdownOf(text: string): number {
  const environment = Object.fromEntries(
    [...text.matchAll(/\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name]) => [
      name!,
      name!.endsWith('_KEY') ? '0'.repeat(64) : 'stand-in',
    ]),
  );
  const { delay, drain } = parseConfig(text, environment).shutdown;
  return (delay + drain) / 1000;
}

/** The one number that a text gives at this place. */
function found(file: string, pattern: RegExp): number {
  const all = [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, number]) => Number(number));
  assert.equal(new Set(all).size, 1, `${file}: ${String(pattern)} is there ${all.length} times: ${all.join(', ')}`);
  return all[0]!;
}

/** The defaults of the configuration. */
const SHUTDOWN = shutdownOf(
  'accounts: { a: { flow: static, credentials: { token: "${T}" } } }\nroutes: [{ prefix: /a, upstream: "https://a.example", account: a }]',
);

describe('the time to stop, before the supervisor kills', () => {
  it('systemd gives what the defaults need', () => {
    assert.ok(found('deploy/systemd/tokenward.service', /^TimeoutStopSec=(\d+)s$/gm) >= SHUTDOWN + STOP_MARGIN);
  });

  it('compose gives what its configuration needs', () => {
    const written = parse(readFileSync('deploy/docker/compose.yaml', 'utf8')) as {
      'x-tokenward': { stop_grace_period: string };
    };
    const [, seconds] = /^(\d+)s$/.exec(written['x-tokenward'].stop_grace_period)!;
    assert.ok(Number(seconds) >= shutdownOf(readFileSync('deploy/docker/proxy.config.yaml', 'utf8')) + STOP_MARGIN);
  });

  it('what the manuals say is the same', () => {
    assert.ok(found('deploy/README.md', /--stop-timeout (\d+)/g) >= SHUTDOWN + STOP_MARGIN);
    assert.ok(found('deploy/README.md', /Give it (\d+) seconds to stop/g) >= SHUTDOWN + STOP_MARGIN);
    assert.ok(found('deploy/README.md', /terminationGracePeriodSeconds: (\d+)/g) >= 5 + SHUTDOWN + STOP_MARGIN);
    for (const file of ['deploy/systemd/tokenward.service', 'deploy/docker/compose.yaml'])
      assert.equal(found(file, /(\d+) s for a\s+(?:#\s+)?renewal/g), STOP_MARGIN, file);
    for (const file of [
      'helm/tokenward/values.yaml',
      'helm/tokenward/templates/_config.tpl',
      'helm/tokenward/templates/checks.yaml',
    ])
      assert.equal(found(file, /(\d+) s for a\s+(?:#\s+)?renewal/g), STOP_MARGIN, file);
    assert.equal(found('helm/tokenward/values.schema.json', /takes and (\d+) s/g), STOP_MARGIN);
    assert.equal(found('docs/workers.md', /(\d+) s for a\s+renewal/g), STOP_MARGIN);
    assert.equal(found('proxy.config.yaml', /delay \+ drain \+ (\d+)s/g), STOP_MARGIN);
  });

  it('the chart gives what config.shutdown needs, whatever it is', async function () {
    const grace = async (...settings: string[]): Promise<readonly [number | undefined, number]> => {
      const { manifests } = await render(this, undefined, ...settings);
      return [
        podTemplate(manifests).spec.terminationGracePeriodSeconds,
        shutdownOf(renderedConfig(manifests)) + STOP_MARGIN,
      ];
    };
    for (const settings of [
      [],
      ['config.shutdown.drain="2m"'],
      ['config.shutdown={"delay":"1500ms","drain":30}'],
      ['config.shutdown={"delay":0,"drain":"0s"}'],
      ['config.shutdown.drain="24h"'],
    ]) {
      const [given, needed] = await grace(...settings);
      assert.equal(given, Math.ceil(needed), settings.join(' '));
    }
    assert.equal((await grace('terminationGracePeriodSeconds=300'))[0], 300);
  });

  it('the chart refuses less, and what it cannot know', async function () {
    assert.match(await refusal(this, 'terminationGracePeriodSeconds=67'), /a stop may take 68/);
    assert.match(
      await refusal(this, 'config.shutdown.drain="5m"', 'terminationGracePeriodSeconds=120'),
      /lower config\.shutdown/,
    );
    assert.match(await refusal(this, 'config.shutdown.drain="${DRAIN}"'), /Set it to delay \+ drain \+ 48/);
    const { manifests } = await render(
      this,
      undefined,
      'config.shutdown.drain="${DRAIN}"',
      'terminationGracePeriodSeconds=90',
    );
    assert.equal(podTemplate(manifests).spec.terminationGracePeriodSeconds, 90);
  });
});
