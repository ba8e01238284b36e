import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
import { parse } from 'yaml';
import { requireTool } from '../support/tools.ts';

/** The instructions, each on one line, comments out. */
const INSTRUCTIONS = readFileSync('deploy/docker/Dockerfile', 'utf8')
  .split('\n')
  .filter((line) => !/^\s*#/.test(line))
  .join('\n')
  .replaceAll(/\\\n\s*/g, ' ')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '');
const of = (name: string): string[] =>
  INSTRUCTIONS.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1).trim());
const FINAL = INSTRUCTIONS.slice(INSTRUCTIONS.findLastIndex((line) => line.startsWith('FROM ')));

describe('the Dockerfile', () => {
  it('has no remark by hadolint', async function () {
    await promisify(execFile)(requireTool(this, 'hadolint'), ['deploy/docker/Dockerfile']);
  });

  it('builds from one Node 24, by digest, and ends with nothing of its distribution', () => {
    const stages = of('FROM').map((from) => from.split(' AS ')[1]);
    const images = of('FROM')
      .map((from) => from.split(' AS ')[0]!)
      .filter((image) => !stages.includes(image));
    assert.equal(images.length, 2, images.join(', '));
    assert.match(images[0]!, /^node:24\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/);
    assert.equal(images[1], 'scratch');
    assert.equal(FINAL[0], 'FROM scratch');
  });

  it('says in its labels what it is', () => {
    const { version, license } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, string>;
    const labels = FINAL.find((line) => line.startsWith('LABEL '))!;
    assert.ok(labels.includes('org.opencontainers.image.version="$VERSION"'));
    assert.ok(labels.includes('org.opencontainers.image.revision="$REVISION"'));
    assert.ok(labels.includes(`org.opencontainers.image.licenses="${license}"`));
    assert.ok(FINAL.includes(`ARG VERSION=${version}`));
  });

  it('is built for both architectures, with times of the commit, by docker-bake.hcl', () => {
    const bake = readFileSync('deploy/docker/docker-bake.hcl', 'utf8');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.match(bake, /platforms\s*= \["linux\/amd64", "linux\/arm64"\]/);
    assert.ok(bake.includes(`variable "VERSION" { default = "${version}" }`));
    const [, args = ''] = /args = \{([^}]*)\}/.exec(bake)!;
    for (const name of of('ARG').map((line) => line.split('=')[0]!)) assert.ok(args.includes(`${name} `), name);
    assert.equal(bake.match(/rewrite-timestamp=true/g)?.length, 2);
    const [, dockerfile] = /dockerfile = "([^"]+)"/.exec(bake)!;
    assert.ok(existsSync(dockerfile!));
  });

  it('brings its licences and its list of parts', () => {
    for (const line of ['COPY package.json LICENSE NOTICE ./', 'COPY --from=build /app/tokenward.cdx.json ./'])
      assert.ok(FINAL.includes(line), line);
  });

  it('copies only what the repository and the build context have', () => {
    const allowed = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const copy of of('COPY').filter((line) => !line.startsWith('--from='))) {
      for (const source of copy.split(/\s+/).slice(0, -1)) {
        assert.ok(existsSync(source), source);
        assert.ok(allowed.includes(source), `${source} is kept from the builder by .dockerignore`);
      }
    }
  });

  it('copies what the program reads beside dist: its package.json and the recipes', () => {
    for (const start of ['COPY package.json ', 'COPY flows ./flows'])
      assert.ok(
        FINAL.some((line) => line.startsWith(start)),
        start,
      );
  });

  it('copies from stages which exist', () => {
    const stages = of('FROM').flatMap((from) => from.match(/ AS (\w+)$/)?.[1] ?? []);
    for (const copy of of('COPY')) {
      const [, stage] = copy.match(/^--from=(\S+)/) ?? [];
      if (stage !== undefined) assert.ok(stages.includes(stage), stage);
    }
  });

  it('installs what the lock file says, without development packages at runtime', () => {
    const installs = of('RUN').filter((line) => /^npm (?!run )/.test(line));
    assert.ok(
      installs.every((line) => /^npm ci( |$)/.test(line)),
      installs.join('; '),
    );
    assert.ok(installs.some((line) => line.includes('--omit=dev')));
    assert.ok(of('ENV').some((line) => line.includes('npm_config_ignore_scripts=true')));
    assert.ok(!FINAL.some((line) => /npm/.test(line)));
  });

  it('runs as a numeric user other than root, the one the chart uses', () => {
    const [, uid] =
      of('USER')
        .at(-1)
        ?.match(/^(\d+):\d+$/) ?? [];
    const values = parse(readFileSync('helm/tokenward/values.yaml', 'utf8')) as {
      podSecurityContext: { runAsUser: number };
    };
    assert.equal(Number(uid), values.podSecurityContext.runAsUser);
    assert.notEqual(uid, '0');
  });

  it('starts, and checks its own health, without a shell', () => {
    assert.deepEqual(JSON.parse(of('ENTRYPOINT')[0]!), ['/usr/local/bin/node', '/app/dist/main.js']);
    assert.deepEqual(JSON.parse(FINAL.find((line) => line.startsWith('CMD '))!.slice(4)), [
      'serve',
      '-c',
      '/etc/tokenward/proxy.config.yaml',
    ]);
    const [, health] = of('HEALTHCHECK')[0]?.match(/ CMD (\[.*\])$/) ?? [];
    const [program, flag, script] = JSON.parse(health!) as string[];
    assert.deepEqual([program, flag], ['/usr/local/bin/node', '-e']);
    assert.match(script!, /process\.env\.TOKENWARD_OPERATOR\}\/healthz/);
    assert.ok(of('ENV').some((line) => line.endsWith(' TOKENWARD_OPERATOR=127.0.0.1:9090')));
    assert.doesNotThrow(() => new Script(script!));
    assert.deepEqual(of('VOLUME'), ['/data']);
  });
});
