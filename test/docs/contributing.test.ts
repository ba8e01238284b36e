import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import request from 'supertest';
import { call } from '../support/call.ts';
import { closing } from '../support/custom-proxy.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';

const PAGE = readFileSync('CONTRIBUTING.md', 'utf8');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

describe('CONTRIBUTING.md', () => {
  const close = closing();

  it('says of every folder of tests what belongs there, and of no other', () => {
    const named = [...PAGE.matchAll(/^\| `(test\/[\w/-]+)` \| \S/gm)].map(([, folder]) => folder!);
    const below = (folder: string): string[] =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${folder}/${name}`);
    // These two have no tests of their own, only folders.
    const divided = ['test/http', 'test/proxy'];
    const folders = below('test').flatMap((folder) => (divided.includes(folder) ? below(folder) : [folder]));
    assert.deepEqual(named.sort(), folders.sort());
  });

  it('is found from the README', () => {
    assert.match(readFileSync('README.md', 'utf8'), /\]\(CONTRIBUTING\.md\)/);
  });

  it('names files and scripts that exist', () => {
    const files = [...PAGE.matchAll(/\b((?:src|test)\/[\w./-]+\.ts)\b/g)].map(([, file]) => file!);
    const commands = [...PAGE.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script!);
    assert.ok(files.length > 3 && commands.length > 3);
    assert.deepEqual(
      files.filter((file) => !existsSync(file)),
      [],
    );
    assert.deepEqual(
      commands.filter((script) => scripts[script] === undefined),
      [],
    );
  });

  it('says truly what supertest does to a request, and the byte-exact client does not', async () => {
    const upstream = await close(fakeUpstream());
    const target = '/a\\b"<c>#d';
    await request(upstream.url).get(target).expect(200);
    await call(upstream.url, target);
    assert.deepEqual(
      upstream.seen.map((seen) => seen.target),
      ['/a/b%22%3Cc%3E', target],
    );
    assert.deepEqual(
      upstream.seen.map(({ rawHeaders }) => rawHeaders.includes('Accept-Encoding')),
      [true, false],
    );
  });
});
