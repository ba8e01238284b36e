import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { load, SMALLEST } from '../support/config.ts';

describe('the smallest configuration', () => {
  it('has four lines, and defaults for everything else', () => {
    assert.equal(SMALLEST.split('\n').length, 4);
    const {
      flowOf,
      knownFlows,
      recipes,
      generated,
      warnings,
      files,
      secretHeaders,
      secretVariables,
      source,
      ...config
    } = load(SMALLEST);
    assert.deepEqual([source.hash, source.stamps.size, source.tlsFiles.size], ['', 0, 0]);
    assert.ok(knownFlows.has('softline') && recipes.size === 0 && generated.byName.size === 0);
    assert.deepEqual([...flowOf.keys()], ['shop']);
    assert.deepEqual([warnings.length, files.size, secretHeaders.size, secretVariables], [1, 0, 0, []]);
    assert.deepEqual(config, {
      listeners: [{ host: '127.0.0.1', port: 8080, hosts: [], socketMode: 0o660, engine: 'fast' }],
      operator: { host: '127.0.0.1', port: 9090, hosts: [], allowAnonymous: false },
      workerConnections: 'in-turn',
      workers: 1,
      store: { type: 'embedded', path: './data', retiredKeys: [] },
      callers: 'none',
      egressProxy: 'environment',
      allowAnonymous: false,
      flows: {},
      accounts: { shop: { flow: 'static', credentials: { token: 'secret' } } },
      routes: [
        {
          name: '/shop',
          host: undefined,
          prefix: '/shop',
          upstream: 'https://shop.example',
          account: 'shop',
          maxReplayBody: 1_048_576,
          replay: true,
          legacyLogin: 'refuse',
          timeouts: { connect: 3_000, firstByte: 30_000, idle: 30_000, streamIdle: 300_000, upgradeIdle: 600_000 },
          maxConnections: 64,
          freshConnection: false,
          encodedPaths: 'refuse',
          forwarded: 'drop',
          methodOverride: 'drop',
          setCookie: 'drop',
          earlyHints: 'drop',
          requestId: 'pass',
          upgrade: [],
        },
      ],
      limits: {
        bufferedBytes: 134_217_728,
        inFlight: 5_000,
        upgraded: 2_000,
        waitingPerAccount: 2_000,
        accountsInMemory: 20_000,
        headerBytes: 16_384,
        bodyIdle: 30_000,
        readIdle: 120_000,
      },
      startup: { wait: 60_000 },
      shutdown: { delay: 0, drain: 20_000 },
      watch: false,
      log: { level: 'info', access: { requests: 'errors', sample: 1, query: false } },
    });
  });

  it('is in the documentation with four lines, and works', () => {
    const [, text] = readFileSync('docs/configuration.md', 'utf8').match(/four lines:\n\n```yaml\n([\s\S]*?)```/) ?? [];
    assert.equal(text!.trim().split('\n').length, 4);
    load(text!, { CHATAPP_EMAIL: 'a', CHATAPP_PASSWORD: 'b', CHATAPP_APP_ID: 'c' });
  });
});
