import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { call, metric } from '../../support/call.ts';
import { Authority } from '../../support/certificates.ts';
import { closing, startCustomProxy, urlsOf } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { freshFolder } from '../../support/files.ts';
import { connectThrough, startForwardProxy } from '../../support/forward-proxy.ts';
import { startProxy } from '../../support/proxy.ts';
import { requireTool } from '../../support/tools.ts';
import { ownCode } from '../../support/world.ts';

const READ = '/softline/v1/order/77';
const run = promisify(execFile);

describe('several listeners', () => {
  const folder = freshFolder();
  const close = closing();

  it('serve the same routes with the same tokens: one renewal for a token that is rejected on all', async function () {
    const curl = requireTool(this, 'curl');
    const { certFile, keyFile, caFile } = withCa(new Authority(this, folder()));
    const sandbox = await close(startSandbox());
    const socket = join(folder(), 'proxy.sock');
    const listen = [{ port: 0 }, { port: 0, hosts: ['proxy.example'], tls: { certFile, keyFile } }, { socket }];
    const proxy = await close(startProxy(sandbox, { config: (base) => ({ ...base, listen }) }));
    const [plain, tls] = urlsOf(proxy.app) as [string, string, string];
    const asks: readonly (readonly string[])[] = [
      [`${plain}${READ}`],
      [
        '--cacert',
        caFile,
        '--connect-to',
        `proxy.example::127.0.0.1:${new URL(tls).port}`,
        `https://proxy.example${READ}`,
      ],
      ['--unix-socket', socket, `http://localhost${READ}`],
    ];
    const statuses = (): Promise<string[]> =>
      Promise.all(
        [...asks, ...asks, ...asks].map(async (args) => {
          const { stdout } = await run(curl, ['-s', '-o', join(folder(), 'null'), '-w', '%{http_code}', ...args]);
          return stdout;
        }),
      );
    assert.deepEqual([...new Set(await statuses())], ['200']);
    sandbox.ledger.clear();
    sandbox.softline.revokeCurrent();
    assert.deepEqual([...new Set(await statuses())], ['200']);
    const count = (kind: 'login' | 'refresh'): number => sandbox.ledger.count({ vendor: 'softline', kind });
    assert.equal(count('login') + count('refresh'), 1);
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_renewals_total', { flow: 'softline', outcome: 'granted' }),
      2,
    );
  });

  it('each keep their own rules for Host and header fields, and no field that one of them needs is forwarded', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: [{ hosts: ['one.internal'] }, { hosts: ['two.internal'], requireHeader: 'X-Our-Request' }],
        routes: [{ prefix: '/', upstream: upstream.url }],
      }),
    );
    const [one, two] = urlsOf(proxy.app) as [string, string];
    const ours = { 'x-our-request': '1' };
    const ask = async (url: string, headers: Record<string, string>): Promise<string> => {
      const answer = await call(url, '/x', { headers });
      return answer.status === 200 ? 'fine' : ownCode(answer);
    };
    assert.deepEqual(
      [
        await ask(one, { host: 'one.internal', ...ours }),
        await ask(one, { host: 'two.internal', ...ours }),
        await ask(two, { host: 'two.internal', ...ours }),
        await ask(two, { host: 'two.internal' }),
        await ask(two, { host: 'one.internal', ...ours }),
      ],
      ['fine', 'host_refused', 'fine', 'required_header_missing', 'host_refused'],
    );
    assert.deepEqual(
      upstream.seen.map(({ rawHeaders }) => rawHeaders.some((name) => name.toLowerCase() === 'x-our-request')),
      [false, false],
    );
  });

  it('are a forward proxy only where it is said, and each tunnels to what it names itself', async () => {
    const proxy = await close(
      startForwardProxy({
        listen: [{ forward: { tunnel: ['*:8443'] } }, { forward: true }, {}],
        routes: [{ host: 'api.vendor.example', upstream: 'http://127.0.0.1:1', account: 'fixed' }],
      }),
    );
    const at = proxy.app.proxyAddresses.map(({ port }) => ({ port: port! }));
    const statusAt = async (index: number, target: string): Promise<number> => {
      const { status, socket } = await connectThrough(at[index]!, target);
      socket.destroy();
      return status;
    };
    assert.deepEqual(
      [
        await statusAt(0, 'api.vendor.example:443'),
        await statusAt(1, 'api.vendor.example:443'),
        await statusAt(2, 'api.vendor.example:443'),
      ],
      [200, 200, 405],
    );
    // The name leads nowhere: allowed by the first one, which then tries it.
    assert.deepEqual([await statusAt(0, 'a.invalid:8443'), await statusAt(1, 'a.invalid:8443')], [502, 403]);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_tunnels_total', { outcome: 'refused' }), 2);
  });

  it('all close when the process stops, after the requests on each have ended', async function () {
    const { certFile, keyFile, ca } = withCa(new Authority(this, folder()));
    const socket = join(folder(), 'proxy.sock');
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const upstream = await close(fakeUpstream((_request, response) => void released.then(() => response.end('fine'))));
    const proxy = await startCustomProxy({
      listen: [{}, { tls: { certFile, keyFile } }, { socket }],
      routes: [{ prefix: '/', upstream: upstream.url }],
      shutdown: { drain: '10s' },
    });
    const urls = urlsOf(proxy.app);
    const answers = urls.map((url) => call(url, '/x', { tls: { ca } }));
    while (upstream.seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    const stopped = proxy.stop();
    for (const url of urls) await assert.rejects(call(url, '/x', { tls: { ca }, from: '127.0.0.1' }), url);
    release();
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status, text }) => [status, text]),
      urls.map(() => [200, 'fine']),
    );
    await stopped;
    assert.ok(!existsSync(socket));
  });

  it('leave nothing open if one of them cannot start', async () => {
    const taken = await close(fakeUpstream());
    const listen = [{ socket: join(folder(), 'proxy.sock') }, { port: Number(new URL(taken.url).port) }];
    await assert.rejects(
      startCustomProxy({ listen, routes: [{ prefix: '/', upstream: taken.url }] }),
      /Cannot listen on 127\.0\.0\.1:\d+ \(proxy\): the port is in use/,
    );
    assert.ok(!existsSync(join(folder(), 'proxy.sock')));
  });
});

function withCa(authority: Authority): { certFile: string; keyFile: string; caFile: string; ca: string } {
  const { certFile, keyFile } = authority.issue({
    cn: 'proxy',
    names: [
      ['IP', '127.0.0.1'],
      ['DNS', 'proxy.example'],
    ],
  });
  return { certFile, keyFile, caFile: authority.caFile, ca: authority.ca };
}
