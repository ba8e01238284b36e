import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cruise, type ICruiseOptions, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';

const { default: config } = (await import(pathToFileURL(resolve('.dependency-cruiser.mjs')).href)) as {
  default: { readonly forbidden: readonly IForbiddenRuleType[]; readonly options: ICruiseOptions };
};

/** Modules that each break one rule: the module, what it imports (a package, or a path below src), and the rule. */
const PROBES: readonly (readonly [module: string, imports: string, rule: string])[] = [
  ['http/probe.ts', 'tokens/manager.ts', 'http-imports-only-what-is-below'],
  ['http/client/probe.ts', 'proxy/route.ts', 'http-client-imports-only-what-is-below'],
  ['http/client/probe.ts', 'http/server/server.ts', 'http-client-imports-only-what-is-below'],
  ['http/server/probe.ts', 'config/schema.ts', 'http-server-imports-only-what-is-below'],
  ['http/server/fast/probe.ts', 'proxy/handler.ts', 'http-server-imports-only-what-is-below'],
  ['tokens/probe.ts', 'flows/run.ts', 'tokens-imports-only-what-is-below'],
  ['tokens/probe.ts', 'http/message.ts', 'tokens-imports-only-what-is-below'],
  ['tokens/probe.ts', 'metrics.ts', 'tokens-imports-only-what-is-below'],
  ['tokens/stores/probe.ts', 'config/load.ts', 'tokens-imports-only-what-is-below'],
  ['authority/probe.ts', 'config/load.ts', 'authority-imports-only-what-is-below'],
  ['tokens/probe.ts', 'authority/authority.ts', 'tokens-imports-only-what-is-below'],
  ['flows/probe.ts', 'config/load.ts', 'flows-imports-only-what-is-below'],
  ['flows/probe.ts', 'log.ts', 'flows-imports-only-what-is-below'],
  ['config/probe.ts', 'tokens/manager.ts', 'config-imports-only-what-is-below'],
  ['config/schema/probe.ts', 'app/app.ts', 'config-imports-only-what-is-below'],
  ['proxy/probe.ts', 'app/app.ts', 'proxy-imports-only-what-is-below'],
  ['proxy/probe.ts', 'operator/routes.ts', 'proxy-imports-only-what-is-below'],
  ['proxy/probe.ts', 'sandbox/sandbox.ts', 'proxy-imports-only-what-is-below'],
  ['proxy/probe.ts', 'tokens/stores/redis.ts', 'proxy-knows-no-store'],
  ['forward/probe.ts', 'config/load.ts', 'forward-imports-only-what-is-below'],
  ['proxy/probe.ts', 'forward/forward-proxy.ts', 'proxy-imports-only-what-is-below'],
  ['tracing/probe.ts', 'proxy/handler.ts', 'tracing-imports-only-what-is-below'],
  ['operator/probe.ts', 'proxy/handler.ts', 'operator-imports-only-what-is-below'],
  ['operator/probe.ts', 'app/app.ts', 'operator-imports-only-what-is-below'],
  ['app/probe.ts', 'workers/worker.ts', 'app-imports-only-what-is-below'],
  ['app/probe.ts', 'sandbox/sandbox.ts', 'app-imports-only-what-is-below'],
  ['workers/probe.ts', 'cli/program.ts', 'workers-imports-only-what-is-below'],
  ['workers/probe.ts', 'proxy/handler.ts', 'workers-imports-only-what-is-below'],
  ['workers/probe.ts', 'tokens/stores/redis.ts', 'proxy-knows-no-store'],
  ['sandbox/probe.ts', 'proxy/handler.ts', 'sandbox-imports-only-what-is-below'],
  ['sandbox/probe.ts', 'tokens/manager.ts', 'sandbox-imports-only-what-is-below'],
  ['demo/probe.ts', 'app/app.ts', 'demo-imports-only-what-is-below'],
  ['cli/probe.ts', 'forward/forward-proxy.ts', 'cli-imports-only-what-is-below'],
  ['cli/probe.ts', 'tokens/stores/redis.ts', 'proxy-knows-no-store'],
  ['log.ts', 'config/load.ts', 'top-level-is-a-leaf'],
  ['main.ts', 'app/app.ts', 'main-starts-the-command-line'],
  ['proxy/probe.ts', 'express', 'package-express'],
  ['tokens/probe.ts', 'express', 'package-express'],
  ['http/client/probe.ts', 'express', 'package-express'],
  ['proxy/probe.ts', 'redis', 'package-redis'],
  ['tokens/probe.ts', 'redis', 'package-redis'],
  ['tokens/stores/embedded.ts', 'redis', 'package-redis'],
  ['tokens/stores/redis.ts', 'lmdb', 'package-lmdb'],
  ['app/probe.ts', 'lmdb', 'package-lmdb'],
  ['app/probe.ts', 'commander', 'package-commander'],
  ['app/probe.ts', 'pino', 'package-pino'],
  ['app/probe.ts', 'prom-client', 'package-prom-client'],
  ['app/probe.ts', 'jose', 'package-jose'],
  ['flows/sign/signer.ts', 'jose', 'package-jose'],
  ['flows/sign/signer.ts', 'aws4', 'package-aws4'],
  ['flows/probe.ts', 'oauth4webapi', 'package-oauth4webapi'],
  ['flows/probe.ts', 'saxes', 'package-saxes'],
  ['http/client/probe.ts', 'proxy-from-env', 'package-proxy-from-env'],
  ['authority/probe.ts', '@peculiar/x509', 'package-@peculiar/x509'],
  ['authority/probe.ts', 'reflect-metadata', 'package-reflect-metadata'],
  ['proxy/probe.ts', '@opentelemetry/api', 'package-@opentelemetry/api'],
  ['app/probe.ts', '@opentelemetry/sdk-trace', 'package-@opentelemetry/sdk-trace'],
  ['tracing/probe.ts', '@opentelemetry/resources', 'package-@opentelemetry/resources'],
  ['tracing/probe.ts', '@opentelemetry/exporter-trace-otlp-proto', 'package-@opentelemetry/exporter-trace-otlp-proto'],
  ['http/probe.ts', 'lru-cache', 'package-lru-cache'],
  ['tokens/probe.ts', 'zod', 'package-zod'],
  ['flows/probe.ts', 'yaml', 'package-yaml'],
  ['proxy/probe.ts', 'http-proxy', 'package-unknown'],
  ['http/client/probe.ts', 'undici', 'package-unknown'],
  ['http/client/probe.ts', 'undici', 'package-not-declared'],
  ['tokens/probe.ts', 'node:http', 'http-in-http-only'],
  ['flows/probe.ts', 'node:net', 'http-in-http-only'],
  ['config/probe.ts', 'node:https', 'http-in-http-only'],
  ['proxy/probe.ts', 'node:child_process', 'processes-are-made-by-workers'],
  ['app/probe.ts', 'node:cluster', 'processes-are-made-by-workers'],
  ['proxy/probe.ts', '../test/support/call.ts', 'not-to-tests'],
  ['proxy/probe.ts', './no-such-module.ts', 'resolvable'],
];

/** Imports that are as they should be. */
const ALLOWED: readonly (readonly [module: string, imports: string])[] = [
  ['proxy/probe.ts', 'tokens/manager.ts'],
  ['proxy/probe.ts', 'http/server/exchange.ts'],
  ['tokens/stores/redis.ts', 'redis'],
  ['tokens/stores/embedded.ts', 'lmdb'],
  ['operator/probe.ts', 'express'],
  ['http/server/express.ts', 'express'],
  ['app/front.ts', 'express'],
  ['flows/probe.ts', 'tokens/token.ts'],
  ['flows/oauth/probe.ts', 'oauth4webapi'],
  ['authority/sign.ts', '@peculiar/x509'],
  ['cli/probe.ts', 'workers/worker.ts'],
];

const { options, forbidden } = config;

interface Project {
  /** Modules below src, each with what it imports: packages, or paths below src. */
  readonly modules: Readonly<Record<string, readonly string[]>>;
  readonly types?: boolean;
  /** Whether there is a command line that modules must be reached from. */
  readonly commands?: boolean;
}

/** The rules that a project breaks, each with the module that breaks it. */
async function broken({ modules, types = false, commands = false }: Project): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-architecture-'));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  try {
    for (const file of ['package.json', 'tsconfig.json']) copyFileSync(file, join(folder, file));
    const specifierOf = (module: string, imported: string): string => {
      if (imported.startsWith('./') || imported.startsWith('node:')) return imported;
      if (!imported.endsWith('.ts')) {
        put(`node_modules/${imported}/package.json`, JSON.stringify({ name: imported, main: 'index.js' }));
        put(`node_modules/${imported}/index.js`, '');
        return imported;
      }
      if (modules[imported] === undefined) put(join('src', imported), 'export const x = 1;\n');
      const path = relative(dirname(module), imported);
      return path.startsWith('.') ? path : `./${path}`;
    };
    for (const [module, imports] of Object.entries(modules)) {
      const lines = imports.map(
        (imported, i) =>
          `import ${types ? 'type ' : ''}* as x${i} from '${specifierOf(module, imported)}';\n` +
          `export type X${i} = typeof x${i};\n`,
      );
      put(join('src', module), `${lines.join('')}export {};\n`);
    }
    const result = await cruise(['src'], {
      ...options,
      baseDir: folder,
      validate: true,
      ruleSet: { forbidden: forbidden.filter(({ name }) => commands || name !== 'no-dead-modules') },
    });
    const { violations } = (result.output as ICruiseResult).summary;
    return violations.map(({ rule, from }) => `${rule.name} ${from.replace(/^src\//, '')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the rules of the architecture', function () {
  this.timeout(120_000);

  for (const [module, imported, rule] of PROBES)
    it(`${rule}: ${module} must not import ${imported}`, async () => {
      assert.ok((await broken({ modules: { [module]: [imported] } })).includes(`${rule} ${module}`));
    });

  for (const [module, imported] of ALLOWED)
    it(`${module} may import ${imported}`, async () =>
      assert.deepEqual(await broken({ modules: { [module]: [imported] } }), []));

  it('hold for types as well', async () => {
    const modules = { 'tokens/probe.ts': ['redis', 'http/message.ts'] };
    assert.deepEqual(await broken({ modules, types: true }), [
      'package-redis tokens/probe.ts',
      'tokens-imports-only-what-is-below tokens/probe.ts',
    ]);
  });

  for (const types of [false, true])
    it(`find a circle${types ? ' of types' : ''}`, async () => {
      const modules = { 'proxy/a.ts': ['proxy/b.ts'], 'proxy/b.ts': ['proxy/a.ts'] };
      assert.ok((await broken({ modules, types })).includes('no-circles proxy/a.ts'));
    });

  it('find a circle of folders whose modules make none', async () => {
    const modules = { 'http/client/a.ts': ['http/server/b.ts'], 'http/server/c.ts': ['http/client/d.ts'] };
    assert.ok((await broken({ modules })).some((line) => line.startsWith('no-circles-of-folders')));
  });

  it('find a module that no command reaches', async () => {
    const modules = { 'main.ts': ['cli/program.ts'], 'cli/program.ts': ['cli/a.ts'], 'cli/dead.ts': [] };
    assert.deepEqual(await broken({ modules, commands: true }), ['no-dead-modules cli/dead.ts']);
  });

  it('each have a probe', () => {
    const probed = new Set([
      ...PROBES.map(([, , rule]) => rule),
      'no-circles',
      'no-circles-of-folders',
      'no-dead-modules',
    ]);
    assert.deepEqual(
      forbidden.map(({ name }) => name).filter((name) => !probed.has(name!)),
      [],
    );
  });
});
