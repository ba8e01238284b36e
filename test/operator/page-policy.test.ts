import assert from 'node:assert/strict';
import request from 'supertest';
import { operatorApp } from '../support/operator.ts';

describe("the content security policy of the operator's page", () => {
  it("loads the port's own files and nothing else, and runs nothing within the document", async () => {
    const app = operatorApp();
    const response = await request(app)
      .get('/')
      .expect(200)
      .expect('content-type', /^text\/html/);
    const policy = response.get('content-security-policy')!;
    assert.doesNotMatch(policy, /unsafe|http|\*|data:/);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /require-trusted-types-for 'script'/);
    const { text } = response;
    assert.doesNotMatch(text, /\son[a-z]+=|\sstyle=|<style|<script>/i);
    const files = [...text.matchAll(/(?:src|href)="(?!#)([^"]+)"/g)].map(([, target]) => target!);
    assert.ok(files.length >= 4);
    for (const file of files.filter((target) => !/^\/(status|metrics|readyz)$/.test(target))) {
      assert.match(file, /^\//);
      await request(app).get(file).expect(200).expect('x-content-type-options', 'nosniff');
    }
  });

  it('serves every module that another one imports', async () => {
    const app = operatorApp();
    const seen = new Set<string>();
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const { text } = await request(app)
        .get(path)
        .expect(200)
        .expect('content-type', /^text\/javascript/);
      for (const [, name] of text.matchAll(/from '\.\/([a-z]+\.js)'/g)) await visit(`/page/${name!}`);
    };
    await visit('/page/main.js');
    assert.ok(seen.size > 5);
  });
});
