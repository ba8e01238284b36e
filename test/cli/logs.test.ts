import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonAccessLine } from '../../src/access-line.ts';
import { freshFolder } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const LINES = [
  { level: 'info', time: '2026-11-27T04:00:00.123Z', msg: 'renewed crm by refresh', account: 'crm', generation: 2 },
  { level: 'warn', time: '2026-11-27T04:00:01.000Z', msg: 'upstream cannot be reached', route: '/shop', detail: 'a b' },
  { level: 'error', time: '2026-11-27T04:00:02.000Z', msg: 'account crm is dead', account: 'crm', request_id: 'r-7' },
];
const ACCESS = jsonAccessLine({
  at: Date.parse('2026-11-27T04:00:03.005Z'),
  requestId: 'r-7',
  traceId: undefined,
  method: 'GET',
  path: '/crm/v1/x',
  query: 'page=2',
  status: 503,
  client: '127.0.0.1',
  caller: 'billing',
  route: '/crm',
  account: 'crm',
  errorCode: 'credential_dead',
  errorSource: 'tokenward',
  generation: undefined,
  attempts: 0,
  durationMs: 1.26,
  tokenWaitMs: 0,
  upstreamMs: 0,
  ownMs: undefined,
  bytesIn: 0,
  bytesOut: 310,
  upstreamRequestId: undefined,
}).trimEnd();
const LOG = `${LINES.map((line) => JSON.stringify(line)).join('\n')}\nnot a line of the log\n`;

describe('tokenward logs', () => {
  const folder = freshFolder();
  const logs = (...args: string[]): Promise<string[]> => logsOf(LOG, ...args);
  const logsOf = async (input: string, ...args: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await run(['logs', ...args], { input });
    assert.deepEqual([code, stderr], [0, '']);
    return stdout.trimEnd().split('\n');
  };

  it('prints each line of standard input for people, and others as they are', async function () {
    requireBuild(this);
    assert.deepEqual(await logs(), [
      '2026-11-27 04:00:00.123  INFO   renewed crm by refresh  account=crm generation=2',
      '2026-11-27 04:00:01.000  WARN   upstream cannot be reached  route=/shop detail="a b"',
      '2026-11-27 04:00:02.000  ERROR  account crm is dead  account=crm request_id=r-7',
      'not a line of the log',
    ]);
  });

  it('reads a file, and says so if it cannot', async function () {
    requireBuild(this);
    const file = join(folder(), 'log');
    writeFileSync(file, LOG);
    assert.equal((await logs(file)).length, 4);
    const { code, stderr } = await run(['logs', join(folder(), 'none')]);
    assert.equal(code, 2);
    assert.match(stderr, /^tokenward: the log cannot be read \(ENOENT\)\./);
  });

  it('picks lines by account, route, level and request', async function () {
    requireBuild(this);
    assert.equal((await logs('--account', 'crm')).length, 2);
    assert.equal((await logs('--route', '/shop')).length, 1);
    assert.equal((await logs('--level', 'warn')).length, 2);
    assert.match((await logs('--request', 'r-7'))[0]!, /account crm is dead/);
    assert.deepEqual(await logs('--account', 'crm', '--level', 'error', '--json'), [JSON.stringify(LINES[2])]);
  });

  it('shows access lines too, so that a request is followed by its id through both', async function () {
    requireBuild(this);
    assert.deepEqual(await logsOf(`${LOG}${ACCESS}\n`, '--request', 'r-7'), [
      '2026-11-27 04:00:02.000  ERROR  account crm is dead  account=crm request_id=r-7',
      '2026-11-27 04:00:03.005  HTTP   GET /crm/v1/x?page=2 503 1.3 ms  account=crm caller=billing ' +
        'error=credential_dead source=tokenward attempts=0 token_wait_ms=0 upstream_ms=0 request_id=r-7',
    ]);
    for (const args of [
      ['--caller', 'billing'],
      ['--route', '/crm'],
      ['--account', 'crm', '--level', 'info', '--json'],
    ])
      assert.ok((await logsOf(`${LOG}${ACCESS}\n`, ...args)).length >= 1, args.join(' '));
    assert.deepEqual(await logsOf(`${ACCESS}\n`, '--caller', 'another'), ['']);
  });

  it('lets no line move the cursor of the terminal', async function () {
    requireBuild(this);
    const escape = String.fromCharCode(27);
    const input = `${JSON.stringify({ level: 'info', msg: `a${escape}[2Jb`, detail: `x ${escape}[1A` })}\n`;
    assert.ok(!(await run(['logs'], { input })).stdout.includes(escape));
  });
});
