import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { Authority, type Certificate, type Subject } from '../../support/certificates.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { freshFolder } from '../../support/files.ts';
import { requireTool } from '../../support/tools.ts';

const run = promisify(execFile);

/** By the name of the files: what each certificate is for. The common names say which one a client got. */
const SUBJECTS: Readonly<Record<string, Subject>> = {
  own: { cn: 'own', names: [['IP', '127.0.0.1']] },
  vendor: { cn: 'vendor', names: [['DNS', 'api.vendor.example']] },
  wild: {
    cn: 'wild',
    names: [
      ['DNS', '*.vendor.example'],
      ['DNS', 'other.example'],
    ],
  },
};

describe('a TLS listener with several certificates', () => {
  const folder = freshFolder();
  const close = closing();

  /** `first`: whether certFile is given. */
  async function stage(context: Mocha.Context, { own = true, tls = {} }: { own?: boolean; tls?: object } = {}) {
    const authority = new Authority(context, folder());
    const filesOf = (name: string) => ({
      certFile: join(folder(), `${name}.live.pem`),
      keyFile: join(folder(), `${name}.live.key`),
    });
    const install = (name: string, { certFile, keyFile }: Certificate): void => {
      const to = filesOf(name);
      for (const [from, live] of [
        [keyFile, to.keyFile],
        [certFile, to.certFile],
      ] as const) {
        copyFileSync(from, `${live}.new`);
        renameSync(`${live}.new`, live);
      }
    };
    for (const [name, subject] of Object.entries(SUBJECTS)) install(name, authority.issue(subject));
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: { tls: { ...(own && filesOf('own')), certificates: [filesOf('vendor'), filesOf('wild')], ...tls } },
        routes: [
          { host: 'api.vendor.example', upstream: upstream.url, account: 'fixed' },
          { prefix: '/', upstream: upstream.url },
        ],
      }),
    );
    const port = Number(new URL(proxy.url).port);
    const connected = async (servername: string, more: ConnectionOptions = {}): Promise<TLSSocket> => {
      const socket = connect({ port, host: '127.0.0.1', servername, ca: authority.ca, ...more }).setEncoding('latin1');
      // Which certificate it is matters here, not whether it is for that name.
      await once(socket, 'secureConnect');
      return socket;
    };
    const shown = async (servername: string): Promise<string> => {
      const socket = await connected(servername, { checkServerIdentity: () => undefined });
      const name = socket.getPeerCertificate().subject.CN;
      socket.destroy();
      return String(name);
    };
    return { authority, install, upstream, proxy, port, connected, shown };
  }

  async function ask(socket: TLSSocket): Promise<void> {
    socket.write('GET / HTTP/1.1\r\nHost: api.vendor.example\r\n\r\n');
    let text = '';
    const gone = once(socket, 'close').then(() => Promise.reject(new Error('closed')));
    // Only the first of the two matters.
    gone.catch(() => undefined);
    while (!text.endsWith('fine')) text += ((await Promise.race([once(socket, 'data'), gone])) as [string])[0];
  }

  it('shows the one for the name that the client asks for, exactly or by a wildcard; else its own', async function () {
    const { shown } = await stage(this);
    for (const [name, certificate] of [
      ['api.vendor.example', 'vendor'],
      ['API.Vendor.Example', 'vendor'],
      ['www.vendor.example', 'wild'],
      ['other.example', 'wild'],
      ['a.www.vendor.example', 'own'],
      ['vendor.example', 'own'],
      ['nobody.example', 'own'],
      // No name at all.
      ['', 'own'],
    ] as const)
      assert.equal(await shown(name), certificate, name);
  });

  it('shows the first of them to other clients if it has none of its own', async function () {
    const { shown } = await stage(this, { own: false });
    assert.deepEqual(
      [await shown('other.example'), await shown('nobody.example'), await shown('')],
      ['wild', 'vendor', 'vendor'],
    );
  });

  it('serves curl by the name that DNS leads to it, and OpenSSL agrees about names and chains', async function () {
    const curl = requireTool(this, 'curl');
    const openssl = requireTool(this, 'openssl');
    const { authority, port, upstream } = await stage(this);
    const fetched = async (name: string): Promise<string> => {
      const resolved = ['--resolve', `${name}:${port}:127.0.0.1`];
      return (await run(curl, ['-s', '--cacert', authority.caFile, ...resolved, `https://${name}:${port}/v1`])).stdout;
    };
    assert.equal(await fetched('api.vendor.example'), 'fine');
    assert.deepEqual(
      upstream.seen.map(({ rawHeaders }) => rawHeaders.some((value) => value.startsWith('Bearer '))),
      [true],
    );
    // No certificate here is for that name.
    await assert.rejects(fetched('a.www.vendor.example'), /returned|code|Command failed/);
    for (const version of ['-tls1_2', '-tls1_3'])
      for (const name of ['api.vendor.example', 'www.vendor.example']) {
        const client = spawn(
          openssl,
          [
            ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, '-verify_hostname', name],
            ...['-CAfile', authority.caFile, '-verify_return_error', version],
          ],
          { stdio: ['pipe', 'pipe', 'ignore'] },
        );
        client.stdin.end();
        let text = '';
        client.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        await once(client, 'close');
        assert.match(text, /Verification: OK/, `${version} ${name}`);
      }
  });

  it('reloads each by itself: its new connections get the new one, the others and open connections go on', async function () {
    const { authority, install, connected, shown, proxy } = await stage(this);
    const before = await connected('api.vendor.example');
    await ask(before);
    install(
      'vendor',
      authority.issue({
        cn: 'renewed',
        names: [
          ['DNS', 'api.vendor.example'],
          ['DNS', 'new.example'],
        ],
      }),
    );
    await eventually('the new one is shown', async () => (await shown('api.vendor.example')) === 'renewed');
    assert.deepEqual(
      [await shown('new.example'), await shown('www.vendor.example'), await shown('')],
      ['renewed', 'wild', 'own'],
    );
    await ask(before);
    assert.equal(before.getPeerCertificate().subject.CN, 'vendor');
    before.destroy();
    const reloaded = proxy.lines.filter((line) => line.includes('certificate reloaded'));
    assert.deepEqual(
      reloaded.map((line) => (JSON.parse(line) as { file: string }).file),
      [join(folder(), 'vendor.live.pem')],
    );
    // The default one is another file, and is reloaded in the same way.
    install('own', authority.issue({ cn: 'own renewed', names: [['IP', '127.0.0.1']] }));
    await eventually('the new default is shown', async () => (await shown('')) === 'own renewed');
    assert.equal(await shown('api.vendor.example'), 'renewed');
  });

  it('keeps the old one if the new files do not belong together or hold no name, and says so', async function () {
    const { authority, install, shown, proxy } = await stage(this);
    const stranger = authority.issue({ cn: 'stranger', names: [['DNS', 'api.vendor.example']] });
    const nameless = authority.issue({ cn: 'nameless' });
    const complaints = (): string[] => proxy.lines.filter((line) => line.includes('the old one stays in use'));
    let expected = 0;
    for (const wrong of [{ ...stranger, keyFile: nameless.keyFile }, nameless]) {
      install('vendor', wrong);
      expected += 1;
      await eventually('it is reported', () => complaints().length >= expected);
      expected = complaints().length;
      assert.ok(complaints().at(-1)!.includes('vendor.live.pem'));
      assert.deepEqual([await shown('api.vendor.example'), await shown('www.vendor.example')], ['vendor', 'wild']);
    }
    install('vendor', stranger);
    await eventually('the next good one is taken', async () => (await shown('api.vendor.example')) === 'stranger');
  });

  it('asks for client certificates whatever the name, and resumes sessions', async function () {
    const client = new Authority(this, folder()).issue({ cn: 'billing' });
    const required = { clientCaFile: join(folder(), 'clients.pem'), clientCertificate: 'required' };
    const clients = new Authority(this, folder(), 'Clients');
    copyFileSync(clients.caFile, required.clientCaFile);
    const known = clients.issue({ cn: 'billing' });
    const { connected } = await stage(this, { tls: required });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
      for (const name of ['api.vendor.example', 'www.vendor.example']) {
        const first = await connected(name, { maxVersion, cert: known.cert, key: known.key });
        const session = once(first, 'session') as Promise<[Buffer]>;
        const early = first.getSession();
        await ask(first);
        const ticket = maxVersion === 'TLSv1.2' ? early! : (await session)[0];
        first.destroy();
        const again = await connected(name, { maxVersion, cert: known.cert, key: known.key, session: ticket });
        await ask(again);
        assert.ok(again.isSessionReused(), `${maxVersion} ${name}`);
        again.destroy();
        for (const { cert, key } of [client, {} as Partial<Certificate>])
          await assert.rejects(async () => ask(await connected(name, { maxVersion, cert, key })), maxVersion);
      }
  });
});
