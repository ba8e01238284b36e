import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const digest = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}\n`;

describe('tokenward hash-key', () => {
  it('turns a key from standard input into its digest, with or without a line end', async function () {
    requireBuild(this);
    const key = 'vV4kq1o9cPtHf2-7XyZ_0aBcDeFgHiJk';
    for (const input of [key, `${key}\n`, `${key}\r\n`])
      assert.deepEqual(await run(['hash-key'], { input }), { code: 0, stdout: digest(key), stderr: '' });
  });

  it('makes a key if it is given none, shows it once, and gives its digest alone on standard output', async function () {
    requireBuild(this);
    const [first, second] = [await run(['hash-key'], { input: '' }), await run(['hash-key'], { input: '\n' })];
    const [, key] = first.stderr.match(/^New key, shown only now: ([\w-]{43})\n$/)!;
    assert.equal(first.stdout, digest(key!));
    assert.notEqual(first.stdout, second.stdout);
  });

  it('warns of a short key', async function () {
    requireBuild(this);
    const { code, stdout, stderr } = await run(['hash-key'], { input: 'hunter2\n' });
    assert.deepEqual([code, stdout], [0, digest('hunter2')]);
    assert.match(stderr, /^This key is short/);
    assert.ok(!stderr.includes('hunter2'));
  });

  it('refuses a key that could not travel in a header', async function () {
    requireBuild(this);
    for (const input of [
      'two words of a key that is long',
      'schl\u00fcssel-lang-genug-fuer-alles',
      'two\nlines-of-a-key-that-is-long',
    ]) {
      const { code, stdout, stderr } = await run(['hash-key'], { input });
      assert.deepEqual([code, stdout], [2, ''], input);
      assert.match(stderr, /a key is sent in a header, so it must be visible ASCII without spaces/);
      assert.ok(!stderr.includes(input));
    }
  });

  it('takes no key from the command line, where others could read it', async function () {
    requireBuild(this);
    const { code, stderr } = await run(['hash-key', 'hunter2-hunter2-hunter2']);
    assert.equal(code, 2);
    assert.ok(!stderr.includes('hunter2'));
  });
});
