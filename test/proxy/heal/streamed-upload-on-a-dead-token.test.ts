import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { startProxy } from '../../support/proxy.ts';
import { pieces, upload } from '../../support/upload.ts';
import { dial, tcpServer } from '../../support/wire.ts';
import { freshWorld, VENDORS, withRoute } from '../../support/world.ts';

const MIB = 1024 * 1024;

describe('an upload that is too large to keep, on a dead token', () => {
  const world = freshWorld();

  for (const { vendor, read, helpers } of VENDORS) {
    for (const [name, early] of [
      ['after reading it', false],
      ['before reading it', true],
    ] as const) {
      it(`${vendor} refuses it ${name}: the caller gets that answer with a note, the next upload arrives`, async () => {
        const { sandbox, proxy } = world();
        await world().call(read);
        sandbox[vendor].set({ earlyRefusal: early });
        sandbox[vendor].revokeCurrent();
        sandbox.ledger.clear();
        const answer = await upload(proxy.url, `${helpers}/anything`, pieces(16 * MIB), { length: 16 * MIB });
        assert.ok(answer.status === 401 || answer.status === 403, String(answer.status));
        assert.equal(answer.headers['x-tokenward-replay'], 'not-replayed; may-resend');
        assert.equal(sandbox.ledger.count({ vendor, kind: 'api' }), 1);
        assert.equal(sandbox.ledger.count({ vendor, where: ({ kind }) => kind !== 'api' }), 1);

        const again = await upload(proxy.url, `${helpers}/echo`, pieces(2 * MIB), { length: 2 * MIB });
        assert.equal(again.status, 200);
        assert.equal(again.body.length, 2 * MIB);
        assert.equal(sandbox.ledger.last({ vendor })?.tokenId, `${vendor}#2`);
        await sandbox.ledger.idle();
      });
    }
  }

  it("refused before it is read: the caller's connection is either usable afterwards or closed, not stuck", async () => {
    const { sandbox, proxy } = world();
    await world().call('/softline/v1/order/77');
    sandbox.softline.set({ earlyRefusal: true });
    sandbox.softline.revokeCurrent();
    const line = await dial(proxy.url);
    line.socket.write(
      `POST /softline/v1/sandbox/anything HTTP/1.1\r\nHost: proxy\r\nContent-Length: ${4 * MIB}\r\n\r\n`,
    );
    // Half of it, and the answer is there: then the rest and one more request.
    line.socket.write(Buffer.alloc(2 * MIB));
    await line.until(/1007/);
    line.socket.write(Buffer.alloc(2 * MIB));
    line.socket.write('GET /softline/v1/order/78 HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    const text = await line.closed();
    assert.match(text, /^HTTP\/1\.1 401 /);
    if (!/^connection: close/im.test(text.slice(0, text.indexOf('\r\n\r\n')))) assert.match(text, /"order_id":78/);
  });

  it('refused by an upstream that reads nothing of it: the same holds', async () => {
    const { sandbox } = world();
    const upstream = await tcpServer((socket) => {
      socket.once('data', () => {
        socket.pause();
        // Late enough for the upload to stand still on its way.
        setTimeout(
          () =>
            socket.write(
              'HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"errors":[{"error":1007}]}',
            ),
          500,
        );
      });
    });
    const proxy = await startProxy(sandbox, { config: withRoute('/softline', { upstream: upstream.url }) });
    const line = await dial(proxy.url);
    line.socket.write(
      `POST /softline/v1/sandbox/anything HTTP/1.1\r\nHost: proxy\r\nContent-Length: ${64 * MIB}\r\n\r\n`,
    );
    line.socket.write(Buffer.alloc(32 * MIB));
    await line.until(/1007/);
    line.socket.write(Buffer.alloc(32 * MIB));
    line.socket.write('GET /nowhere HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    const text = await line.closed();
    assert.match(text, /^HTTP\/1\.1 401 /);
    if (!/^connection: close/im.test(text.slice(0, text.indexOf('\r\n\r\n')))) assert.match(text, /route_unknown/);
    await proxy.stop();
    await upstream.close();
  });

  it('ten such uploads over one agent all get their answers', async () => {
    const { sandbox, proxy } = world();
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    await world().call('/crm/v1/licenses');
    sandbox.chatapp.set({ earlyRefusal: true, alwaysDead: true });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        upload(proxy.url, '/crm/v1/sandbox/anything', pieces(4 * MIB), { length: 4 * MIB, agent }),
      ),
    );
    assert.ok(answers.every(({ status }) => status === 403));
    agent.destroy();
    await sandbox.ledger.idle();
  });
});
