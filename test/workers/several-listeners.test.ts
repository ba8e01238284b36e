import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../support/call.ts';
import { Authority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder } from '../support/files.ts';
import { freePort } from '../support/wire.ts';
import { startLoad } from './load.ts';
import { freshPool } from './worker-pool.ts';

const READ = '/softline/v1/order/77';

describe('several listeners and two workers', function () {
  this.timeout(90_000);
  const pool = freshPool();
  const folder = freshFolder();

  async function stage(context: Mocha.Context) {
    const authority = new Authority(context, folder());
    const { certFile, keyFile } = authority.forLoopback();
    const [one, two] = [join(folder(), 'one.sock'), join(folder(), 'two.sock')];
    const listen = [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 0, tls: { certFile, keyFile } },
      { socket: one, socketMode: '0600' },
      { socket: two, socketMode: '0660' },
    ];
    const running = await pool(context, 2, { listen });
    const urls = running.served.url.split(', ');
    const callAll = async (): Promise<number[]> => {
      const answers = urls.map((url) => call(url, READ, { tls: { ca: authority.ca }, from: '127.0.0.1' }));
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    return { ...running, urls, callAll, listen, one, two };
  }

  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  it('are served by both, each socket with its mode, and all are closed at the end', async function () {
    const { sandbox, served, urls, callAll, status, one, two } = await stage(this);
    assert.match(
      served.url,
      new RegExp(`^http://127\\.0\\.0\\.1:\\d+, https://127\\.0\\.0\\.1:\\d+, unix:${one}, unix:${two}$`),
    );
    assert.deepEqual([mode(one), mode(two)], ['600', '660']);
    for (let round = 0; round < 2; round += 1) assert.deepEqual(await callAll(), [200, 200, 200, 200]);
    assert.deepEqual(
      (await status()).workers!.map(({ requests }) => requests),
      [4, 4],
    );
    assert.equal(sandbox.ledger.count({ vendor: 'softline', kind: 'api' }), 8);
    assert.equal(await served.end(), 0);
    assert.ok(!existsSync(one) && !existsSync(two));
    for (const url of urls) await assert.rejects(call(url, READ, { from: '127.0.0.1' }), url);
  });

  it('stay, come and go at SIGHUP, and no request to one that stays fails', async function () {
    const { callAll, configure, listen, restart, served, urls, one, two } = await stage(this);
    await callAll();
    const load = [urls[0]!, urls[2]!].map((url) => startLoad(url, [READ], { keeping: 4, making: 2, pause: 60 }));
    await restart();
    assert.deepEqual([mode(one), mode(two)], ['600', '660']);
    const added = await freePort();
    configure({ listen: [listen[0], listen[2], { host: '127.0.0.1', port: added }] });
    await restart();
    await eventually('the socket that is named no more is gone', () => !existsSync(two));
    for (const { stop } of load) assert.deepEqual([...(await stop()).keys()], ['200']);
    assert.equal((await call(`http://127.0.0.1:${added}`, READ, { from: '127.0.0.1' })).status, 200);
    await assert.rejects(call(urls[1]!, READ));
    assert.equal(await served.end(), 0);
    assert.ok(!existsSync(one));
  });
});
