import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { importTarget } from '../../src/cli/import-account.ts';
import { load } from '../support/config.ts';

describe('docs/import.md', () => {
  it('shows a flow without a login that loads, and an account that takes an imported token', () => {
    const [, block] = readFileSync('docs/import.md', 'utf8').match(/```yaml\n([\s\S]*?)```/)!;
    const config = load(
      `${block!}routes:\n  - { prefix: /crm, upstream: "https://api.vendor.example", account: crm }\n`,
      { SECRET: 's' },
    );
    assert.equal(config.flowOf.get('crm')?.login, undefined);
    assert.equal(importTarget(config, 'crm').canRefresh, true);
  });
});
