import assert from 'node:assert/strict';
import { credentialSource } from '../../src/app/credentials.ts';
import { systemClock } from '../../src/tokens/clock.ts';
import type { Credential } from '../../src/tokens/credential.ts';
import { Token } from '../../src/tokens/token.ts';
import { load } from '../support/config.ts';

/** An account whose refresh brings `answer`, and whose requests carry `shard` as this text says. */
function account(shard: string, answer: object): Credential {
  const places = '{ token: /access, refreshToken: /refresh, shard: /shard }';
  const config = load(
    [
      'flows:',
      '  own:',
      '    baseUrl: "https://id.example"',
      `    refresh: { url: /refresh, json: { r: "{refreshToken}" }, answer: ${places} }`,
      `    attach: [{ header: Authorization, value: "Bearer {token}" }, { header: X-Shard, value: "${shard}" }]`,
      'accounts: { one: { flow: own } }',
      'routes: [{ prefix: /a, upstream: "https://api.example", account: one }]',
    ].join('\n'),
  );
  return credentialSource(config, systemClock, () => async () => ({
    status: 200,
    headers: {},
    body: JSON.stringify(answer),
  })).get('one')!;
}

const old = (values: Readonly<Record<string, string>> = {}): Token =>
  new Token(
    { generation: 3, obtainedAt: 0, expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity },
    'old-access',
    'old-refresh',
    values,
  );

describe('a refresh whose response lacks a value that requests need', () => {
  const pair = { access: 'new-access', refresh: 'new-refresh' };
  const grantedPair = (outcome: Awaited<ReturnType<Credential['refresh']>>): unknown =>
    outcome.kind === 'granted' && [outcome.grant.secret, outcome.grant.refreshSecret];

  it('is a grant with the value that the old token came with, also where the new one is unusable', async () => {
    for (const answer of [pair, { ...pair, shard: ['a', 'list'] }]) {
      const outcome = await account('{shard}', answer).refresh(old({ shard: 'eu' }));
      assert.deepEqual(grantedPair(outcome), ['new-access', 'new-refresh']);
    }
  });

  it('is a grant where requests can do without it', async () => {
    assert.deepEqual(grantedPair(await account('{shard=main}', pair).refresh(old())), ['new-access', 'new-refresh']);
  });

  it('fails otherwise, and hands over the new refresh token', async () => {
    const outcome = await account('{shard}', pair).refresh(old());
    assert.equal(outcome.kind === 'failed' && outcome.reason, 'malformed');
    assert.equal(outcome.kind === 'failed' && outcome.rotated, 'new-refresh');
  });

  it('is still a failure with a spent token where the response brings no token at all', async () => {
    const outcome = await account('{shard}', { shard: 'eu' }).refresh(old());
    assert.deepEqual(outcome.kind === 'failed' && [outcome.maybeSpent, outcome.rotated], [true, undefined]);
  });
});
