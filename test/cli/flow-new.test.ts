import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closing } from '../support/custom-proxy.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder } from '../support/files.ts';
import { MAIN, run } from '../support/process.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const BODY = '{"user":"me","password":"hunter22-long"}';

describe('tokenward flow new, as a command', () => {
  const folder = freshFolder();
  const close = closing();
  const file = (name: string, text: string): string => {
    const path = join(folder(), name);
    writeFileSync(path, text);
    return path;
  };

  it('writes a flow that check accepts, and with which flow try logs in', async function () {
    requireBuild(this);
    const upstream = await close(
      fakeUpstream((request, response, body) => {
        const isLogin = request.url === '/login' && body === BODY;
        const isUser = request.headers['x-token'] === 'abcdef0123456789';
        response
          .writeHead(isLogin || isUser ? 200 : 401, { 'content-type': 'application/json' })
          .end(isLogin ? '{"data":{"token":"abcdef0123456789","expiresIn":60}}' : '{}');
      }),
    );
    const curl = file(
      'curl.txt',
      `curl ${upstream.url}/login \\\n  -H 'Content-Type: application/json' \\\n  -d '${BODY}'\n`,
    );
    const answer = file('answer.json', '{"data":{"token":"abcdef0123456789","expiresIn":60}}');
    const made = await run([
      'flow',
      'new',
      '--curl',
      curl,
      '--answer',
      answer,
      '--name',
      'acme',
      '--attach',
      'header:X-Token',
    ]);
    assert.deepEqual([made.code, made.stderr], [0, '']);
    assert.doesNotMatch(made.stdout, /hunter22|abcdef/);
    const config = file('proxy.config.yaml', made.stdout);
    const env = { ACME_USER: 'me', ACME_PASSWORD: 'hunter22-long' };
    const checked = await run(['check', '-c', config], { env, cwd: folder() });
    assert.deepEqual([checked.code, checked.stderr], [0, '']);
    const tried = await run(['flow', 'try', 'acme', '-c', config, '--path', '/me'], { env });
    assert.equal(tried.code, 0, tried.stdout + tried.stderr);
    assert.match(tried.stdout, /login: granted[\s\S]*the token lives 1 min[\s\S]*no rule of invalid matched/);
  });

  it('takes command and answer from standard input, one behind the other', async function () {
    requireBuild(this);
    const input = `curl https://api.acme.example/login --json '${BODY}' | jq\n\n{"token": "abcdef0123456789"}\n`;
    const { code, stdout, stderr } = await run(['flow', 'new'], { input });
    assert.equal(code, 0);
    assert.equal(stderr, 'note: what follows the command in its line (a pipe, ;, & or >) was ignored\n');
    assert.match(stdout, /token: "\/token"/);
    assert.match(stdout, /attach: .*# assumed/);
  });

  it('says what is wrong in one line, and repeats nothing of it', async function () {
    requireBuild(this);
    for (const [args, input, message] of [
      [[], `curl a.example -F 'p=hunter22'`, /^tokenward: -F sends multipart\/form-data/],
      [[], `curl a.example -d 'p=hunter22`, /^tokenward: the curl command is not complete/],
      [[], `echo hunter22`, /^tokenward: this is no curl command/],
      [['--curl', '-', '--answer', '-'], '', /^tokenward: only one of --curl and --answer can be standard input/],
      [['--curl', join(folder(), 'none')], '', /^tokenward: the file of --curl cannot be read \(ENOENT\)/],
    ] as const) {
      const { code, stdout, stderr } = await run(['flow', 'new', ...args], { input });
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
      assert.ok(!stderr.includes('hunter22') && stderr.trim().split('\n').length === 1);
    }
  });

  it('asks at a terminal, does not show what is pasted, and takes a proposal for an empty line', async function () {
    requireBuild(this);
    const script = requireTool(this, 'script');
    const child = spawn(script, ['-qec', `'${process.execPath}' '${MAIN}' flow new`, '/dev/null']);
    let shown = '';
    const replies: [RegExp, string][] = [
      [/Paste the curl command[^\n]*\n/, `curl https://api.acme.example/login \\\r  --json '${BODY}'\r`],
      [/Paste its answer[^\n]*\n/, '{\r"token": "abcdef0123456789"\r}\r'],
      [/Where do requests carry the token[^\n]*\n/, 'nowhere\r'],
      [/must be such as header[^\n]*\n/, 'query:key\r'],
      [/How does the API answer a dead token[^\n]*\n/, '\r'],
      [/Which URL do requests go to[^\n]*\n/, '\r'],
    ];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      const reply = replies[0];
      if (reply !== undefined && reply[0].test(shown)) {
        replies.shift();
        setTimeout(() => child.stdin.write(reply[1]), 100);
      }
    });
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0, shown);
    assert.match(shown, /attach: \{ query: "key" \}/);
    assert.match(shown, /invalid: \[ \{ status: 401 \} \]/);
    assert.ok(!shown.includes('hunter22') && !shown.includes('abcdef0123'), shown);
  });
});
