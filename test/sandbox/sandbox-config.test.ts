import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { sandboxConfig } from '../../src/sandbox/config.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';

describe('sandbox: the configuration it offers', () => {
  it("is YAML that leads each route to its vendor, with the sandbox's credentials", async () => {
    const sandbox = await startSandbox({ host: '127.0.0.1', basePort: 0 });
    try {
      const config = parse(sandboxConfig(sandbox)) as {
        accounts: Record<string, { flow: string; baseUrl: string; credentials: Record<string, unknown> }>;
        routes: { prefix: string; upstream: string; account: string }[];
      };
      assert.deepEqual(config.accounts['softline']?.credentials, sandbox.credentials.softline);
      assert.deepEqual(config.accounts['crm']?.credentials, sandbox.credentials.chatapp);
      assert.deepEqual(config.accounts['twin']?.credentials, { ...sandbox.credentials.twin, ttl: 43_200 });
      assert.equal(config.accounts['twin']?.baseUrl, sandbox.urls.twin.iam);
      const upstreams = Object.fromEntries(config.routes.map((route) => [route.prefix, route.upstream]));
      assert.equal(upstreams['/crm'], sandbox.urls.chatapp);
      assert.equal(upstreams['/twin/analyse'], sandbox.urls.twin.analyse);
      assert.equal(config.routes.length, 8);
    } finally {
      await sandbox.close();
    }
  });
});
