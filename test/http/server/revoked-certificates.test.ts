import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call } from '../../support/call.ts';
import { Authority, type Certificate } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

const KEY = 'kEy-of-the-batch-job-9d1f77';

describe('a revoked certificate of a caller', () => {
  const close = closing();
  const folder = freshFolder();

  async function stage(context: Mocha.Context, clientCertificate: 'optional' | 'required', revoked = 1) {
    const servers = new Authority(context, folder(), 'Servers authority');
    const callers = new Authority(context, folder(), 'Callers authority');
    const issued = [1, 2, 3].map((number) => callers.issue({ cn: `caller-${number}` }));
    const clientCrlFile = join(folder(), 'crl.pem');
    const install = (text: string): void => {
      writeFileSync(`${clientCrlFile}.new`, text);
      renameSync(`${clientCrlFile}.new`, clientCrlFile);
    };
    install(callers.revoke(issued.slice(0, revoked)));
    const { certFile, keyFile } = servers.forLoopback();
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: { tls: { certFile, keyFile, clientCaFile: callers.caFile, clientCrlFile, clientCertificate } },
        callers: [
          ...[1, 2, 3].map((number) => ({ name: `caller-${number}`, certificate: `caller-${number}` })),
          { name: 'batch', key: keyDigest(KEY) },
        ],
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
      }),
    );
    const ask = async (who?: Certificate, headers: Record<string, string> = {}): Promise<string> => {
      const answer = await call(proxy.url, '/api/a', {
        headers,
        tls: { ca: servers.ca, ...(who && { cert: who.cert, key: who.key }) },
      });
      return answer.status === 200 ? 'ok' : ownCode(answer);
    };
    return { servers, callers, issued, clientCrlFile, install, upstream, proxy, ask };
  }

  for (const clientCertificate of ['required', 'optional'] as const) {
    it(`${clientCertificate}: gets no further than the handshake, even with a right key; others do`, async function () {
      const {
        issued: [revoked, good],
        upstream,
        ask,
      } = await stage(this, clientCertificate);
      await assert.rejects(ask(revoked));
      await assert.rejects(ask(revoked, { 'x-tokenward-key': KEY }));
      assert.equal(upstream.seen.length, 0);
      assert.equal(await ask(good), 'ok');
      if (clientCertificate === 'optional')
        assert.deepEqual([await ask(undefined, { 'x-tokenward-key': KEY }), await ask()], ['ok', 'caller_key_missing']);
    });
  }

  it('is known by the list of its own authority where there are several, in one file', async function () {
    const servers = new Authority(this, folder(), 'Servers authority');
    const authorities = ['one', 'two'].map((name) => new Authority(this, folder(), name));
    const issued = authorities.map(
      (authority) => [authority.issue({ cn: 'shop' }), authority.issue({ cn: 'shop' })] as const,
    );
    const [clientCaFile, clientCrlFile] = [join(folder(), 'ca.pem'), join(folder(), 'crl.pem')];
    writeFileSync(clientCaFile, authorities.map(({ ca }) => ca).join(''));
    writeFileSync(clientCrlFile, authorities.map((authority, at) => authority.revoke([issued[at]![0]])).join(''));
    const { certFile, keyFile } = servers.forLoopback();
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: { tls: { certFile, keyFile, clientCaFile, clientCrlFile, clientCertificate: 'required' } },
        callers: [{ name: 'shop', certificate: 'shop' }],
        routes: [{ prefix: '/api', upstream: upstream.url }],
      }),
    );
    for (const [revoked, good] of issued) {
      await assert.rejects(
        call(proxy.url, '/api/a', { tls: { ca: servers.ca, cert: revoked.cert, key: revoked.key } }),
      );
      assert.equal(
        (await call(proxy.url, '/api/a', { tls: { ca: servers.ca, cert: good.cert, key: good.key } })).status,
        200,
      );
    }
    assert.equal(upstream.seen.length, 2);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`${version}: is refused as soon as the list is read again, also by a session from before`, async function () {
      const {
        servers,
        callers,
        issued: [, second],
        install,
        upstream,
        proxy,
        ask,
      } = await stage(this, 'required');
      const options = {
        port: Number(new URL(proxy.url).port),
        host: '127.0.0.1',
        ca: servers.ca,
        cert: second!.cert,
        key: second!.key,
        minVersion: version,
        maxVersion: version,
      } as const;
      const before = await conversation(options);
      assert.match(before.text, /^HTTP\/1\.1 200 /);
      assert.match((await conversation({ ...options, session: before.session })).text, /^HTTP\/1\.1 200 /);
      install(callers.revoke([second!]));
      await eventually('it is read again', () => proxy.lines.some((line) => line.includes('certificate reloaded')));
      for (const session of [undefined, before.session])
        assert.equal((await conversation({ ...options, session })).text, '');
      assert.equal(upstream.seen.length, 2);
      await assert.rejects(ask(second));
    });
  }

  it('stays so when the next list cannot be used; an outdated list lets nobody in', async function () {
    const {
      callers,
      issued: [first, second],
      install,
      clientCrlFile,
      proxy,
      ask,
    } = await stage(this, 'required');
    const complaints = (): string[] => proxy.lines.filter((line) => line.includes('the old one stays'));
    for (const text of ['no list', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n']) {
      const before = complaints().length;
      install(text);
      await eventually('it is complained about', () => complaints().length > before);
      assert.ok(complaints().at(-1)!.includes(clientCrlFile));
      await assert.rejects(ask(first));
      assert.equal(await ask(second), 'ok');
    }
    install(callers.revoke([], { outdated: true }));
    await eventually('it is read again', () => proxy.lines.some((line) => line.includes('certificate reloaded')));
    await assert.rejects(ask(second));
  });

  /** One request on a connection of its own; no text: it was refused. */
  async function conversation(options: ConnectionOptions): Promise<{ text: string; session: Buffer | undefined }> {
    const socket = connect(options);
    let text = '';
    let session: Buffer | undefined;
    socket.on('session', (bytes: Buffer) => (session = bytes));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write('GET /api/a HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    await once(socket, 'close').catch(() => undefined);
    return { text, session };
  }
});
