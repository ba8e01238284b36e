import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { SMALLEST } from '../support/config.ts';
import { temporaryFolder } from '../support/proxy.ts';

describe('a configuration file', () => {
  let folder: string;
  before(() => {
    folder = temporaryFolder();
  });
  after(() => rmSync(folder, { recursive: true }));

  it('is read', () => {
    writeFileSync(join(folder, 'a.yaml'), SMALLEST);
    assert.equal(loadConfig(join(folder, 'a.yaml'), {}).routes.length, 1);
  });

  it('that is not there, or no file, is named', () => {
    assert.throws(
      () => loadConfig(join(folder, 'none.yaml'), {}),
      (error) =>
        error instanceof ConfigError &&
        error.message ===
          `${folder}/none.yaml: 1 error\n  there is no such file; tokenward init writes one, or name one with -c FILE`,
    );
    assert.throws(
      () => loadConfig(folder, {}),
      (error) =>
        error instanceof ConfigError && error.message === `${folder}: 1 error\n  the file cannot be read (EISDIR)`,
    );
  });

  it('is named in what is said of its mistakes', () => {
    writeFileSync(join(folder, 'b.yaml'), 'a: b: c');
    assert.throws(
      () => loadConfig(join(folder, 'b.yaml'), {}),
      (error) => error instanceof ConfigError && error.message.startsWith(`${folder}/b.yaml: 1 error\n  line 1: `),
    );
  });
});
