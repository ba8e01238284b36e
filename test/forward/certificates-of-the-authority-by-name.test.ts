import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { Authority } from '../support/certificates.ts';
import { said, smallest } from '../support/config.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { freshFolder } from '../support/files.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { requireTool } from '../support/tools.ts';

const HOST = 'api.chatapp.online';
const run = promisify(execFile);

describe('listen.tls.authority', () => {
  const folder = freshFolder();
  const close = closing();

  async function stage(tls: object = {}) {
    const sandbox = await close(startSandbox());
    const proxy = await close(
      startForwardProxy({
        listen: [{ tls: { authority: true, ...tls } }],
        accounts: {
          crm: { flow: 'chatapp', baseUrl: sandbox.urls.chatapp, credentials: { ...sandbox.credentials.chatapp } },
        },
        routes: [{ host: HOST, upstream: sandbox.urls.chatapp, account: 'crm' }],
      }),
    );
    const shown = async (servername: string, ca: string): Promise<string | undefined> => {
      const options = { port: proxy.port, host: '127.0.0.1', servername, ca, checkServerIdentity: () => undefined };
      const socket = connect(options);
      await once(socket, 'secureConnect');
      const { subject, subjectaltname } = socket.getPeerCertificate();
      socket.destroy();
      return subjectaltname ?? subject.CN?.toString();
    };
    return { sandbox, proxy, shown };
  }

  it("serves a route's host to an application whose DNS leads it here, and renews for it", async function () {
    const curl = requireTool(this, 'curl');
    const { sandbox, proxy } = await stage();
    const fetched = async (): Promise<string> => {
      const place = ['--connect-to', `${HOST}:443:127.0.0.1:${proxy.port}`, '--cacert', proxy.authorityFile];
      const args = ['-s', '-o', '/dev/null', '-w', '%{http_code}', ...place, `https://${HOST}/v1/chats`];
      return (await run(curl, args)).stdout;
    };
    assert.equal(await fetched(), '200');
    sandbox.ledger.clear();
    sandbox.chatapp.revokeCurrent();
    assert.deepEqual(await Promise.all([fetched(), fetched(), fetched()]), ['200', '200', '200']);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }), 1);
  });

  it('refuses the handshake for every other name if there is no certificate file', async () => {
    const { proxy, shown } = await stage();
    assert.equal(await shown(HOST.toUpperCase(), proxy.authority), `DNS:${HOST}`);
    for (const name of ['other.example', `eu.${HOST}`, ''])
      await assert.rejects(shown(name, proxy.authority), /handshake failure/, name);
  });

  it('shows the file to other names, and to a host that it names itself', async function () {
    const own = new Authority(this, folder());
    const { certFile, keyFile } = own.issue({ cn: 'own', names: [['IP', '127.0.0.1']] });
    const { proxy, shown } = await stage({ certFile, keyFile });
    assert.equal(await shown(HOST, proxy.authority), `DNS:${HOST}`);
    for (const name of ['other.example', '']) assert.equal(await shown(name, own.ca), 'IP Address:127.0.0.1');
    const named = own.issue({ cn: 'named', names: [['DNS', HOST]] });
    const second = await stage({ certificates: [{ certFile: named.certFile, keyFile: named.keyFile }] });
    assert.equal(await second.shown(HOST, own.ca), `DNS:${HOST}`);
  });

  it('needs an authority at the start, and a route with a host', async () => {
    const routes = [{ host: HOST, upstream: 'http://127.0.0.1:1', account: 'fixed' }];
    await assert.rejects(
      startCustomProxy({ listen: { tls: { authority: true } }, routes }),
      /^AuthorityError: listen\.tls\.authority needs an authority .* tokenward ca make$/,
    );
    assert.deepEqual(said(smallest({ top: 'listen: { tls: { authority: true } }' })), [
      'listen.tls.authority: has nothing to sign for: no route has a host',
    ]);
    assert.deepEqual(said(smallest({ top: 'listen: { tls: { authority: false } }' })), [
      'listen.tls.certFile: is missing',
      'listen.tls.keyFile: is missing',
    ]);
  });
});
