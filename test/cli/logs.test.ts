import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const LINES = [
  { level: 'info', time: '2026-11-27T04:00:00.123Z', msg: 'renewed crm by refresh', account: 'crm', generation: 2 },
  { level: 'warn', time: '2026-11-27T04:00:01.000Z', msg: 'upstream cannot be reached', route: '/shop', detail: 'a b' },
  { level: 'error', time: '2026-11-27T04:00:02.000Z', msg: 'account crm is dead', account: 'crm', request_id: 'r-7' },
];
const LOG = `${LINES.map((line) => JSON.stringify(line)).join('\n')}\nnot a line of the log\n`;

describe('tokenward logs', () => {
  const folder = freshFolder();
  const logs = async (...args: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await run(['logs', ...args], { input: LOG });
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

  it('lets no line move the cursor of the terminal', async function () {
    requireBuild(this);
    const escape = String.fromCharCode(27);
    const input = `${JSON.stringify({ level: 'info', msg: `a${escape}[2Jb`, detail: `x ${escape}[1A` })}\n`;
    assert.ok(!(await run(['logs'], { input })).stdout.includes(escape));
  });
});
