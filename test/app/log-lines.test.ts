import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** What a logger writes when it is told these things, each line parsed. */
function written(code: string): Record<string, unknown>[] {
  const program = `import { createLogger } from './src/log.ts'; const log = createLogger('trace', { worker: 2 }); ${code}`;
  const { stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type', 'module', '-e', program], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a log line', () => {
  it('has its level as a word, its time in ISO 8601, and rounds durations to the millisecond', () => {
    const lines = written(
      "for (const level of ['trace', 'debug', 'info', 'warn', 'error']) log[level]('said', { seconds: 0.03295713199999955, generation: 4 });",
    );
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['trace', 'debug', 'info', 'warn', 'error'],
    );
    for (const { time, seconds, generation, worker, msg } of lines) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual([seconds, generation, worker, msg], [0.033, 4, 2, 'said']);
    }
  });

  it('has only fields that are allowed, whatever it is given', () => {
    const [line] = written(
      "log.info('said', { account: 'crm', cause: 'refused', by: '/crm responded with 403', password: 'secret', token: 'secret' });",
    );
    assert.deepEqual(Object.keys(line!).sort(), ['account', 'by', 'cause', 'level', 'msg', 'time', 'worker']);
  });
});
