import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { call } from '../../support/call.ts';
import { Authority, type Certificate } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import type { RunningProxy } from '../../support/proxy.ts';

describe('a renewed certificate of the listener', () => {
  const folder = freshFolder();
  const close = closing();

  async function stage(context: Mocha.Context, more: object = {}) {
    const authority = new Authority(context, folder());
    const files = { certFile: join(folder(), 'live.pem'), keyFile: join(folder(), 'live.key') };
    const install = ({ certFile, keyFile }: Certificate): void => {
      // Beside and then over it, as renewals do it: no half of a file is ever there.
      for (const [from, to] of [
        [keyFile, files.keyFile],
        [certFile, files.certFile],
      ] as const) {
        copyFileSync(from, `${to}.new`);
        renameSync(`${to}.new`, to);
      }
    };
    install(authority.issue({ cn: 'first', names: [['IP', '127.0.0.1']] }));
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ listen: { tls: { ...files, ...more } }, routes: [{ prefix: '/', upstream: upstream.url }] }),
    );
    return { authority, files, install, upstream, proxy };
  }

  async function shown(proxy: RunningProxy, ca: string): Promise<string> {
    const socket = await connected(proxy, ca);
    const name = socket.getPeerCertificate().subject.CN;
    socket.destroy();
    return String(name);
  }

  async function connected(proxy: RunningProxy, ca: string): Promise<TLSSocket> {
    const socket = connect({ port: Number(new URL(proxy.url).port), host: '127.0.0.1', ca }).setEncoding('latin1');
    await once(socket, 'secureConnect');
    return socket;
  }

  async function ask(socket: TLSSocket): Promise<void> {
    socket.write('GET / HTTP/1.1\r\nHost: proxy\r\n\r\n');
    let text = '';
    while (!text.endsWith('fine')) text += ((await once(socket, 'data')) as [string])[0];
  }

  it('is shown to new connections, while the open ones go on', async function () {
    const { authority, install, proxy } = await stage(this);
    const before = await connected(proxy, authority.ca);
    await ask(before);
    assert.equal(await shown(proxy, authority.ca), 'first');
    install(authority.issue({ cn: 'second', names: [['IP', '127.0.0.1']] }));
    await eventually('the second one is shown', async () => (await shown(proxy, authority.ca)) === 'second');
    await ask(before);
    assert.equal(before.getPeerCertificate().subject.CN, 'first');
    before.destroy();
    // Still no older TLS than before.
    await assert.rejects(
      call(proxy.url, '/', {
        tls: { ca: authority.ca, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      }),
    );
  });

  it('that cannot be used leaves the old one in place, is reported without its content, and the next good one is taken', async function () {
    const { authority, files, install, proxy } = await stage(this);
    const stranger = authority.issue({ cn: 'stranger', names: [['IP', '127.0.0.1']] });
    const complaints = (): string[] => proxy.lines.filter((line) => line.includes('the old one stays'));
    for (const broken of ['no PEM', stranger.cert]) {
      const before = complaints().length;
      writeFileSync(files.certFile, broken);
      await eventually('it is complained about', () => complaints().length > before);
      assert.equal(await shown(proxy, authority.ca), 'first');
      assert.equal((await call(proxy.url, '/', { tls: { ca: authority.ca } })).status, 200);
    }
    for (const line of complaints()) assert.doesNotMatch(line, /BEGIN|PRIVATE/);
    install(authority.issue({ cn: 'third', names: [['IP', '127.0.0.1']] }));
    await eventually('the third one is shown', async () => (await shown(proxy, authority.ca)) === 'third');
  });

  it("does not end the asking for callers' certificates", async function () {
    const other = new Authority(this, folder(), 'Callers authority');
    const { authority, install, proxy, upstream } = await stage(this, {
      clientCaFile: other.caFile,
      clientCertificate: 'required',
    });
    const { cert, key } = other.issue({ cn: 'billing' });
    assert.equal((await call(proxy.url, '/', { tls: { ca: authority.ca, cert, key } })).status, 200);
    install(authority.issue({ cn: 'second', names: [['IP', '127.0.0.1']] }));
    await eventually('it is read again', () => proxy.lines.some((line) => line.includes('certificate reloaded')));
    await assert.rejects(call(proxy.url, '/', { tls: { ca: authority.ca } }));
    assert.equal(upstream.seen.length, 1);
    assert.equal((await call(proxy.url, '/', { tls: { ca: authority.ca, cert, key } })).status, 200);
  });
});
