import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import request from 'supertest';
import { operatorApp } from '../support/operator.ts';

describe("the content security policy of the operator's page", () => {
  it('lets its own scripts run by their digests, and no other', async () => {
    const response = await request(operatorApp())
      .get('/')
      .expect(200)
      .expect('content-type', /^text\/html/);
    const policy = response.get('content-security-policy')!;
    const { text } = response;
    const scripts = [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(
      ([, script]) => `'sha256-${createHash('sha256').update(script!).digest('base64')}'`,
    );
    assert.ok(scripts.length > 0);
    assert.equal(/script-src ([^;]*)/.exec(policy)?.[1], scripts.join(' '));
    assert.doesNotMatch(text, /\son[a-z]+=/i);
  });
});
