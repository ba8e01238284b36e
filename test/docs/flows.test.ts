import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flow } from '../../src/cli/commands/flow.ts';
import { closing } from '../support/custom-proxy.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder } from '../support/files.ts';
import { run, serve, type Finished } from '../support/process.ts';
import { call } from '../support/call.ts';
import { requireBuild } from '../support/tools.ts';

const PAGE = readFileSync('docs/flows.md', 'utf8');
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text!);
const [CURL, ...SHELL] = blocks('sh');
const [ANSWER] = blocks('http');
const [RESULT] = blocks('yaml');
const COMMANDS = SHELL.flatMap((block) => block.trim().split('\n'));
const SECRETS = { ACME_EMAIL: 'me@acme.example', ACME_PASSWORD: 'my-password' };

describe('docs/flows.md', () => {
  const folder = freshFolder();
  const close = closing();
  /** Runs a line of the page as it stands there. */
  const runs = async (line: string): Promise<Finished> => {
    const [, words, output] = /^tokenward (.*?)(?: > (\S+))?$/.exec(line)!;
    const finished = await run(words!.split(' '), { cwd: folder(), env: SECRETS });
    if (output !== undefined) writeFileSync(join(folder(), output), finished.stdout);
    return finished;
  };

  it('leads from the curl command to a running tokenward, command by command', async function () {
    requireBuild(this);
    const token = /"accessToken":"(\w+)"/.exec(ANSWER!)![1]!;
    const upstream = await close(
      fakeUpstream((request, response, body) => {
        const isLogin = request.url === '/v1/login' && body.includes('"my-password"');
        const isUser = request.headers.authorization === `Bearer ${token}`;
        response
          .writeHead(isLogin || isUser ? 200 : 401, { 'content-type': 'application/json' })
          .end(isLogin ? ANSWER!.slice(ANSWER!.indexOf('{')) : '{}');
      }),
    );
    writeFileSync(join(folder(), 'login.curl'), CURL!);
    writeFileSync(join(folder(), 'login.answer'), ANSWER!);
    const [make, check, dry, real] = COMMANDS;
    assert.equal(COMMANDS.length, 4);
    const made = await runs(make!);
    assert.equal(made.code, 0, made.stderr);
    const plain = (text: string): string => text.replaceAll(/ *#.*/g, '').replaceAll(/\n+/g, '\n').trim();
    assert.equal(plain(made.stdout), plain(RESULT!));
    assert.deepEqual([(await runs(check!)).code, (await runs(dry!)).code, upstream.seen.length], [0, 0, 0]);
    // The example's host, played here.
    const written = made.stdout.replaceAll('https://api.acme.example', upstream.url);
    writeFileSync(
      join(folder(), 'acme.yaml'),
      `${written}listen: { port: 0 }\noperator: { port: 0 }\nstore: { type: embedded, path: ${folder()}/data }\n`,
    );
    const tried = await runs(real!);
    assert.equal(tried.code, 0, tried.stdout + tried.stderr);
    assert.ok(tried.stdout.includes(/`(my…\(\d+ characters\))`/.exec(PAGE)![1]!));
    assert.match(PAGE, /`tokenward serve -c acme\.yaml`/);
    const served = await serve(['-c', join(folder(), 'acme.yaml')], SECRETS);
    try {
      assert.equal((await call(served.url, '/acme/v1/me')).status, 200);
    } finally {
      await served.end();
    }
  });

  it('names every option of the two commands, and each with a value that the command takes', async function () {
    requireBuild(this);
    const own = [
      'refresh',
      'path',
      'route',
      'dry-run',
      'json',
      'curl',
      'answer',
      'name',
      'token',
      'attach',
      'invalid',
      'upstream',
    ];
    const known = flow().commands.flatMap(({ options }) => options.map(({ long }) => long));
    for (const option of own) {
      assert.ok(known.includes(`--${option}`) && PAGE.includes(`--${option}`), option);
    }
    const values = [...PAGE.matchAll(/`--(attach|invalid|upstream|token) ("[^"]+"|[^`"]+)`/g)];
    assert.ok(values.length >= 8);
    for (const [, option, value] of values) {
      const args = ['flow', 'new', `--${option!}`, value!.replaceAll('"', '')];
      const input = `${CURL!}\n${ANSWER!}`;
      const { code, stderr } = await run(args, { input });
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    }
  });
});
