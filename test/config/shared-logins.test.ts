import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigWarning, LoadedConfig } from '../../src/config/load.ts';
import type { ConfigObject } from '../support/proxy.ts';
import { load, plainIssue } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';

/** Passwords stand inline here, which earns a warning of its own. */
const shared = ({ warnings }: LoadedConfig): readonly ConfigWarning[] =>
  warnings.filter(({ message }) => !message.includes('inline')).map(plainIssue);
const CRM = { flow: 'chatapp', credentials: { email: 'a@b.example', password: 'p', appId: '1' } };
const ROUTES = [{ prefix: '/x', upstream: 'https://x.example', account: 'one' }];
const changed = (credentials: object, more: object = {}): object => ({
  ...CRM,
  ...more,
  credentials: { ...CRM.credentials, ...credentials },
});

describe('two accounts that are one login at the upstream', () => {
  const folder = freshFolder();
  const warningsOf = (two: object, one: object = CRM, more: ConfigObject = {}): string[] =>
    shared(load(JSON.stringify({ accounts: { one, two }, routes: ROUTES, ...more }))).map(
      ({ path, message }) => `${path}: ${message}`,
    );
  const WARNED =
    "accounts.two: is the same login at the upstream as account one: each login may end the other's token, and both spend one login budget. Use one account on both routes";

  it('are named, with the line and what to do, and repeat no credential', () => {
    const text = [
      'accounts:',
      `  one: ${JSON.stringify(CRM)}`,
      `  two: ${JSON.stringify(CRM)}`,
      'routes:',
      `  - ${JSON.stringify(ROUTES[0])}`,
    ].join('\n');
    assert.deepEqual(shared(load(text)), [
      { path: 'accounts.two', line: 3, message: WARNED.slice('accounts.two: '.length) },
    ]);
  });

  it('are so whatever their passwords are: one of those is wrong', () => {
    assert.deepEqual(warningsOf(changed({ password: 'another' })), [WARNED]);
  });

  it("are so under a flow of one's own that logs in at the same place", () => {
    assert.deepEqual(
      warningsOf({ ...CRM, flow: 'crm' }, CRM, { flows: { crm: { extends: 'chatapp', renew: 'early' } } }),
      [WARNED],
    );
  });

  it('are two if user, place or application differ', () => {
    for (const other of [
      changed({ email: 'c@d.example' }),
      changed({ appId: '2' }),
      changed({}, { baseUrl: 'https://other.example' }),
    ])
      assert.deepEqual(warningsOf(other), []);
  });

  it('are two if OAuth clients ask for different scopes', () => {
    const client = (scope: string): object => ({
      flow: 'oauth2',
      credentials: { tokenUrl: 'https://id.example/token', clientId: 'c', clientSecret: 's', scope },
    });
    assert.deepEqual(warningsOf(client('write'), client('read')), []);
    assert.equal(warningsOf(client('read'), client('read')).length, 1);
  });

  it('are two if their keys are different, where nothing but keys tells them apart', () => {
    const flows = {
      keyed: {
        baseUrl: 'https://k.example',
        credentials: { apiKey: 'required' },
        login: { url: '/login', json: { key: '{apiKey}' }, answer: { token: '/token' } },
        attach: { header: 'authorization' },
      },
    };
    const keyed = (apiKey: string): object => ({ flow: 'keyed', credentials: { apiKey } });
    assert.deepEqual(warningsOf(keyed('k2'), keyed('k1'), { flows }), []);
    assert.equal(warningsOf(keyed('k1'), keyed('k1'), { flows }).length, 1);
  });

  it('do no harm with a fixed token', () => {
    const fixed = { flow: 'static', credentials: { token: 't' } };
    assert.deepEqual(warningsOf(fixed, fixed), []);
  });

  it('are found in files of accounts too, without a line of the configuration', () => {
    const file = join(folder(), 'accounts.ndjson');
    writeFileSync(
      file,
      `${JSON.stringify({ name: 'gen1', ...CRM })}\n${JSON.stringify({ name: 'gen2', ...changed({ appId: '7' }) })}\n${JSON.stringify({ name: 'gen3', ...changed({ appId: '7' }) })}\n`,
    );
    const warnings = shared(load(JSON.stringify({ accounts: { one: CRM }, routes: ROUTES, accountsFrom: { file } })));
    assert.deepEqual(
      warnings.map(({ path, line }) => [path, line]),
      [
        ['accounts.gen1', undefined],
        ['accounts.gen3', undefined],
      ],
    );
  });
});
