import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { call } from '../support/call.ts';
import { closing, startOwnProxy } from '../support/own-proxy.ts';

describe('the content security policy of the operator\'s page', () => {
  const close = closing();

  it('lets its own scripts run by their digests, and no other', async () => {
    const proxy = await close(startOwnProxy({ routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1' }] }));
    const page = await call(proxy.operatorUrl, '/');
    const policy = String(page.headers['content-security-policy']);
    const text = page.body.toString();
    const scripts = [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => `'sha256-${createHash('sha256').update(script!).digest('base64')}'`);
    assert.ok(scripts.length > 0);
    assert.equal(/script-src ([^;]*)/.exec(policy)?.[1], scripts.join(' '));
    assert.doesNotMatch(text, /\son[a-z]+=/i);
  });
});
