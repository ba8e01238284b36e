import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { schemaKeys } from '../config/schema-keys.ts';
import { jsonSchema } from '../../src/config/schema.ts';

interface JsonSchema {
  readonly $schema?: string;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: unknown;
  readonly $defs?: Readonly<Record<string, unknown>>;
}

describe('tokenward schema', () => {
  it('prints a JSON Schema of the configuration', async function () {
    requireBuild(this);
    const { code, stdout, stderr } = await run(['schema']);
    assert.deepEqual([code, stderr], [0, '']);
    const schema = JSON.parse(stdout) as JsonSchema;
    assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
    assert.equal(schema.type, 'object');
    assert.deepEqual(schema.required, ['routes']);
    assert.equal(schema.additionalProperties, false);
    assert.deepEqual(Object.keys(schema.properties!), [
      'listen',
      'operator',
      'workers',
      'workerConnections',
      'store',
      'callers',
      'jwt',
      'egressProxy',
      'allowAnonymous',
      'flows',
      'accounts',
      'accountsFrom',
      'routes',
      'limits',
      'startup',
      'shutdown',
      'watch',
      'log',
      'tracing',
    ]);
  });

  it('refers to nothing that is not in it', () => {
    const schema = jsonSchema() as JsonSchema;
    const references = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)].map(([, name]) => name!);
    assert.ok(references.length > 0);
    for (const name of references) assert.ok(name in schema.$defs!, name);
  });

  it('knows the keys of every level', () => {
    const keys = schemaKeys();
    for (const key of [
      'listen.port',
      'callers[].key',
      'accounts.*.attach.cookie',
      'routes[].timeouts.firstByte',
      'flows.*.extends',
      'flows.*.login.answer.refreshExpiresAt',
      'flows.*.invalid[].body',
      'shutdown.drain',
    ])
      assert.ok(keys.has(key), `${key} is not in ${[...keys].join(' ')}`);
  });
});
