import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { chartFiles } from '../../tools/chart/files.ts';
import { valuesOf } from '../../tools/chart/readme.ts';
import { parseConfig } from '../../src/config/load.ts';
import { CHART } from './chart.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | object;
}

describe('the chart as a product', () => {
  const values = readFileSync(`${CHART}/values.yaml`, 'utf8');

  it('has the files that "npm run chart" makes', () => {
    for (const [path, text] of chartFiles())
      assert.equal(readFileSync(path, 'utf8'), text, `${path} is out of date: npm run chart`);
  });

  it('has no symbolic links, of which helm warns', () => {
    for (const entry of readdirSync(CHART, { recursive: true, encoding: 'utf8' }))
      assert.ok(!lstatSync(join(CHART, entry)).isSymbolicLink(), entry);
  });

  it('says what every value is for', () => {
    assert.deepEqual(
      valuesOf(values)
        .filter(({ meaning }) => meaning === '')
        .map(({ path }) => path),
      [],
    );
  });

  it('knows every value in its schema, and the other way round', () => {
    const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema;
    const compare = (path: string, tree: Readonly<Record<string, unknown>>, { properties = {} }: Schema): void => {
      assert.deepEqual(Object.keys(tree).sort(), Object.keys(properties).sort(), path);
      for (const [key, inner] of Object.entries(tree)) {
        const known = properties[key]!;
        const isClosed = known.additionalProperties === false && typeof inner === 'object' && inner !== null;
        // Whole objects of Kubernetes: their defaults are not all of their keys.
        if (
          isClosed &&
          !Array.isArray(inner) &&
          !/(Context|strategy|dnsConfig|affinity|lifecycle|behavior|issuerRef|shutdown)$/.test(key)
        )
          compare(`${path}.${key}`, inner as Record<string, unknown>, known);
      }
    };
    compare('values', parse(values) as Record<string, unknown>, schema);
    assert.equal(schema.additionalProperties, false);
  });

  it('has a change in its CHANGELOG for its version', () => {
    const { version } = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as { version: string };
    assert.match(
      readFileSync(`${CHART}/CHANGELOG.md`, 'utf8'),
      new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\]`, 'm'),
    );
  });

  it('ships a sidecar whose configuration is one', () => {
    const documents = parseAllDocuments(readFileSync(`${CHART}/examples/sidecar.manifests.yaml`, 'utf8'));
    const [map, job] = documents.map((document) => document.toJS() as Record<string, never>);
    const { data } = map as unknown as { data: Record<string, string> };
    const environment = { CHATAPP_EMAIL: 'a@example.com', CHATAPP_PASSWORD: 'p', CHATAPP_APP_ID: 'app_1' };
    assert.equal(parseConfig(data['proxy.config.yaml']!, environment).routes.length, 1);
    const { template } = (
      job as unknown as { spec: { template: { spec: { initContainers: { restartPolicy: string }[] } } } }
    ).spec;
    assert.deepEqual(
      template.spec.initContainers.map(({ restartPolicy }) => restartPolicy),
      ['Always'],
      'a native sidecar ends with the application',
    );
  });
});
