import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder } from '../support/files.ts';

const PAGE = readFileSync('docs/catalogue.md', 'utf8');
const [EXAMPLE, MAPPED, MAPPING] = [...PAGE.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);

const catalogue = (...args: string[]): { code: number | null; stdout: string; stderr: string } => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'tools/catalogue/run.ts', ...args],
    { encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
};

describe('npm run catalogue', () => {
  const folder = freshFolder();
  const file = (name: string, text: string): string => {
    const path = join(folder(), name);
    writeFileSync(path, text);
    return path;
  };

  it('prints for the page’s example what the page shows', () => {
    const { code, stdout } = catalogue(file('apis.yaml', EXAMPLE!));
    assert.equal(code, 0);
    const [shown] = [...PAGE.matchAll(/```text\n([\s\S]*?)```/g)].map(([, text]) => text!);
    assert.equal(stdout.trim(), shown!.trim());
  });

  it('reads another form by the page’s mapping', () => {
    const { code, stdout } = catalogue('--map', file('map.yaml', MAPPING!), file('other.yaml', MAPPED!));
    assert.equal(code, 0);
    assert.match(stdout, /^catalogue: 2 of 2 expressible/m);
  });

  it('reads a folder of OpenAPI documents, and counts what is none', () => {
    mkdirSync(join(folder(), 'apis/below'), { recursive: true });
    const document = {
      openapi: '3.0.0',
      info: { title: 'A' },
      components: { securitySchemes: { a: { type: 'http', scheme: 'basic' } } },
    };
    file('apis/a.json', JSON.stringify(document));
    file('apis/below/b.yaml', 'swagger: "2.0"\ninfo: { title: B }\n');
    file('apis/other.yaml', '- [');
    const { code, stdout } = catalogue('--json', join(folder(), 'apis'));
    assert.equal(code, 0);
    const { entries, expressible, unclear, unread } = JSON.parse(stdout) as Record<string, number>;
    assert.deepEqual([entries, expressible, unclear, unread], [2, 1, 1, 1]);
  });

  it('shows a configuration that tokenward takes', () => {
    const { code, stdout } = catalogue('--show', 'Acme CRM', file('apis.yaml', EXAMPLE!));
    assert.equal(code, 0);
    assert.match(stdout, /grant: client_credentials/);
  });

  it('says what is wrong with its options and files', () => {
    assert.equal(catalogue('--help').code, 0);
    for (const option of ['map', 'show', 'json'])
      assert.match(catalogue('--help').stdout, new RegExp(`--${option}\\b`));
    assert.equal(catalogue().code, 2);
    assert.equal(catalogue('--nonsense', 'x').code, 2);
    const missing = catalogue(join(folder(), 'missing.yaml'));
    assert.deepEqual([missing.code, /there is no such file or folder/.test(missing.stderr)], [1, true]);
    assert.equal(catalogue(file('empty.yaml', 'apis: []')).code, 1);
    assert.equal(catalogue('--map', file('bad.yaml', 'lists: /x'), file('x.yaml', '[]')).code, 1);
  });
});
