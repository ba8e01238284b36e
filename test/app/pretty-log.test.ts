import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { prettyAccessLine, prettyLine, type Paint } from '../../src/pretty-line.ts';
import type { AccessEntry } from '../../src/access-log.ts';

const plain: Paint = (text) => text;
const marked: Paint = (text, colour) => `<${colour}>${text}</>`;
const NOON = new Date(2026, 10, 27, 12, 0, 1, 7);

const ENTRY: AccessEntry = {
  at: NOON.getTime(),
  requestId: 'one',
  traceId: undefined,
  method: 'POST',
  path: '/crm/v1/x',
  query: undefined,
  status: 200,
  client: '127.0.0.1',
  caller: 'billing',
  route: '/crm',
  account: 'crm',
  errorCode: undefined,
  errorSource: undefined,
  generation: 4,
  attempts: 2,
  durationMs: 12.34,
  tokenWaitMs: 5.55,
  upstreamMs: 6.04,
  ownMs: 0.314,
  bytesIn: 5,
  bytesOut: 6,
  upstreamRequestId: undefined,
};

describe('the log for people', () => {
  it('has the local time, the level, the message, and the fields behind it', () => {
    assert.equal(
      prettyLine('info', 'renewed crm by refresh', { account: 'crm', by: '/crm responded with 403' }, plain, NOON),
      '12:00:01.007 INFO  renewed crm by refresh account=crm by="/crm responded with 403"\n',
    );
    assert.equal(prettyLine('error', 'it fails', {}, plain, NOON), '12:00:01.007 ERROR it fails\n');
  });

  it('colours the level by how bad it is, and dims what is beside the point', () => {
    const levels = { trace: 'dim', debug: 'blue', info: 'green', warn: 'yellow', error: 'red' } as const;
    for (const [level, colour] of Object.entries(levels))
      assert.equal(
        prettyLine(level as keyof typeof levels, 'm', { a: 1 }, marked, NOON),
        `<dim>12:00:01.007</> <${colour}>${level.toUpperCase().padEnd(5)}</> m <dim>a=1</>\n`,
      );
  });

  it('has an access line with what was asked, the status, and where the time went', () => {
    assert.equal(
      prettyAccessLine(ENTRY, plain),
      '12:00:01.007 HTTP  POST /crm/v1/x 200 12.3ms account=crm caller=billing attempts=2 token_wait=5.5ms ' +
        'upstream=6.0ms own=0.31ms id=one\n',
    );
    assert.equal(
      prettyAccessLine(
        {
          ...ENTRY,
          method: undefined,
          path: undefined,
          account: undefined,
          caller: undefined,
          status: 400,
          errorCode: 'request_malformed',
          errorSource: 'client',
          attempts: 0,
          tokenWaitMs: 0,
          ownMs: undefined,
        },
        plain,
        2,
      ),
      '12:00:01.007 HTTP  - - 400 12.3ms error=request_malformed source=client id=one worker=2\n',
    );
    assert.ok(prettyAccessLine({ ...ENTRY, query: 'page=2' }, plain).includes(' /crm/v1/x?page=2 '));
    assert.ok(prettyAccessLine(ENTRY, marked).includes('<green>200</>'));
    assert.ok(prettyAccessLine({ ...ENTRY, status: 502 }, marked).includes('<red>502</>'));
  });

  it('never lets a text move the cursor, or look like another field or line', () => {
    const hostile = 'a\u001b[2J\nb account=other';
    const texts = [
      prettyLine('warn', hostile, { caller: hostile }, plain),
      prettyAccessLine({ ...ENTRY, path: `/${hostile}`, caller: hostile }, plain),
    ];
    for (const text of texts) assert.match(text, /^[\x20-\x7e]*\n$/);
    assert.ok(texts[0]!.includes('caller="a\\\\u001b[2J\\\\u000ab account=other"'), texts[0]);
  });

  it('holds no field that is not allowed, obeys its level, and another one from a reload on', () => {
    const program =
      "import { createLogger } from './src/log.ts';" +
      "const log = createLogger('info', { worker: 2 }, (text) => text);" +
      "log.debug('quiet'); log.info('said', { account: 'crm', password: 'secret' });" +
      "log.setLevel('debug'); log.debug('now heard'); log.setLevel('silent'); log.error('never');";
    const { stderr, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--input-type', 'module', '-e', program],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      stderr.split('\n').map((line) => line.slice('12:00:01.007 '.length)),
      ['INFO  said account=crm worker=2', 'DEBUG now heard worker=2', ''],
    );
  });

  it('goes on without its reader: a closed pipe ends nothing', () => {
    const program =
      "import { createLogger } from './src/log.ts';" +
      "const log = createLogger('info', {}, (text) => text);" +
      "for (let index = 0; index < 5_000; index += 1) log.info('said'.repeat(20));" +
      "process.stdout.write('went on');";
    const { stdout, status } = spawnSync(
      'bash',
      ['-c', '{ "$0" --import tsx --input-type module -e "$1" 2>&3 | cat; exit "${PIPESTATUS[0]}"; } 3> >(head -n 1 > /dev/null)', process.execPath, program], // prettier-ignore
      { encoding: 'utf8' },
    );
    assert.deepEqual([status, stdout], [0, 'went on']);
  });
});
