import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { listenForCallback, type CallbackListener } from '../../../src/http/server/callback.ts';
import { dial } from '../../support/wire.ts';

describe('the listener to which a consent in a browser comes back', () => {
  let listener: CallbackListener;
  let got: string | undefined;
  beforeEach(async () => {
    got = undefined;
    const accept = (query: URLSearchParams): boolean => query.get('state') === 'right';
    listener = await listenForCallback({ port: 0, path: '/callback', hosts: ['127.0.0.1'], accept });
    void listener.received.then((query) => (got = query.toString()));
  });
  afterEach(() => listener.close());

  const ask = async (line: string, host = `127.0.0.1:${listener.port}`, more = ''): Promise<string> => {
    const wire = await dial(`http://127.0.0.1:${listener.port}`);
    wire.socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
    return wire.closed();
  };

  it('gives back the query, and a page that repeats nothing of it', async () => {
    const page = await ask('GET /callback?state=right&code=%3Cscript%3Ecanary');
    assert.match(page, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(page, /canary|script/);
    assert.match(page, /content-security-policy: default-src 'none'/i);
    assert.match(page, /cache-control: no-store/i);
    assert.match(page, /referrer-policy: no-referrer/i);
    await listener.received;
    assert.equal(got, 'state=right&code=%3Cscript%3Ecanary');
  });

  for (const [what, line, host, status] of [
    ['another path', 'GET /other?state=right', undefined, 404],
    ['a path below', 'GET /callback/?state=right', undefined, 404],
    ['another way to write the path', 'GET /%63allback?state=right', undefined, 404],
    ['an absolute target', 'GET http://127.0.0.1/callback?state=right', undefined, 404],
    ['another method', 'POST /callback?state=right', undefined, 405],
    ['another state', 'GET /callback?state=wrong', undefined, 400],
    ['no state', 'GET /callback', undefined, 400],
    ['a name that leads here', 'GET /callback?state=right', 'evil.example', 421],
    ['another port', 'GET /callback?state=right', '127.0.0.1:1', 421],
  ] as const) {
    it(`does not accept ${what}, and goes on waiting`, async () => {
      assert.match(await ask(line, host), new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(got, undefined);
      assert.match(await ask('GET /callback?state=right'), /^HTTP\/1\.1 200 /);
    });
  }

  it('accepts one only', async () => {
    await ask('GET /callback?state=right&code=1');
    assert.match(await ask('GET /callback?state=right&code=2'), /^HTTP\/1\.1 400 /);
    assert.equal(got, 'state=right&code=1');
  });

  it('is closed even if a connection is open', async () => {
    const wire = await dial(`http://127.0.0.1:${listener.port}`);
    await listener.close();
    await wire.closed();
    await assert.rejects(fetch(`http://127.0.0.1:${listener.port}/callback`));
  });

  it('says so when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await assert.rejects(listenForCallback({ port, path: '/', hosts: [], accept: () => true }), { code: 'EADDRINUSE' });
    other.close();
  });
});
