import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { parse } from 'yaml';

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
  it('builds every stage from Node 24', () => {
    assert.ok(of('FROM').length >= 2);
    for (const from of of('FROM')) assert.match(from, /^node:24[.\w-]*( AS \w+)?$/);
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
    for (const line of ['COPY package.json ./', 'COPY flows ./flows']) assert.ok(FINAL.includes(line), line);
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
      installs.every((line) => line.startsWith('npm ci ')),
      installs.join('; '),
    );
    assert.ok(installs.some((line) => line.includes('--omit=dev')));
    assert.ok(
      FINAL.some((line) => /^RUN .*rm -rf \/usr\/local\/lib\/node_modules/.test(line)),
      'npm is taken out',
    );
    assert.ok(!FINAL.some((line) => /^RUN npm/.test(line)));
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
    assert.deepEqual(JSON.parse(of('ENTRYPOINT')[0]!), ['node', '/app/dist/main.js']);
    assert.deepEqual(JSON.parse(FINAL.find((line) => line.startsWith('CMD '))!.slice(4)), [
      'serve',
      '-c',
      '/etc/tokenward/proxy.config.yaml',
    ]);
    const [, health] = of('HEALTHCHECK')[0]?.match(/ CMD (\[.*\])$/) ?? [];
    const [program, flag, script] = JSON.parse(health!) as string[];
    assert.deepEqual([program, flag], ['node', '-e']);
    assert.match(script!, /127\.0\.0\.1:9090\/healthz/);
    assert.doesNotThrow(() => new Script(script!));
    assert.deepEqual(of('VOLUME'), ['/data']);
  });
});
