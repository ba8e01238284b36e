import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call } from '../../support/call.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, FIXED_TOKEN, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import type { ConfigObject } from '../../support/proxy.ts';
import { requireTool } from '../../support/tools.ts';
import { dial } from '../../support/wire.ts';
import { headerValues, ownCode } from '../../support/world.ts';

const KEY = 'kEy-of-the-batch-job-2b1f60';
const WITH_KEYS = { callers: [{ name: 'batch', key: keyDigest(KEY) }] };

describe('callers by a Unix socket', () => {
  const close = closing();
  const folder = freshFolder();

  async function stage(listen: ConfigObject = {}, more: ConfigObject = {}, route: ConfigObject = {}) {
    const upstream = await close(fakeUpstream());
    const socket = join(folder(), 'proxy.sock');
    const routes = [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...route }];
    const proxy = await close(startCustomProxy({ listen: { hosts: [], ...listen, socket }, routes, ...more }));
    return { upstream, proxy, socket };
  }

  /** The status of a request, or our error code; once through each reader of the listener. */
  async function answersTo(socket: string, fields: readonly string[]): Promise<string[]> {
    const text = `GET /api/a HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}Connection: close\r\n\r\n`;
    const answers: string[] = [];
    // Its first byte alone is no plain request: node:http reads it then.
    for (const pieces of [[text], [text.slice(0, 1), text.slice(1)]]) {
      const line = await dial(`unix:${socket}`);
      for (const piece of pieces) {
        line.socket.write(piece);
        await sleep(10);
      }
      const answer = await line.closed();
      answers.push(/^x-tokenward-error: (\S+)/im.exec(answer)?.[1] ?? answer.slice(9, 12));
    }
    return answers;
  }

  it('are served, with the token, and there is no port', async () => {
    const { upstream, proxy, socket } = await stage();
    assert.deepEqual(proxy.app.proxyAddresses, [{ socket }]);
    assert.equal((await call(`unix:${socket}`, '/api/a?b=c')).text, 'fine');
    assert.equal((await call(`unix:${socket}`, '/api/d', { method: 'POST', body: 'x'.repeat(100_000) })).text, 'fine');
    const seen = upstream.seen.map(({ method, target, body }) => [method, target, body.length]);
    assert.deepEqual(seen, [
      ['GET', '/a?b=c', 0],
      ['POST', '/d', 100_000],
    ]);
    for (const { rawHeaders } of upstream.seen) {
      assert.deepEqual(headerValues(rawHeaders, 'authorization'), [`Bearer ${FIXED_TOKEN}`]);
    }
  });

  it('are served beside those of the port, where both are named', async () => {
    const { upstream, proxy, socket } = await stage({ host: '127.0.0.1', port: 0 });
    assert.match(proxy.url, /^http:/);
    assert.equal((await call(proxy.url, '/api/a')).text, 'fine');
    assert.equal((await call(`unix:${socket}`, '/api/b')).text, 'fine');
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      ['/a', '/b'],
    );
    await proxy.app.stop({ idleMs: 0 });
    assert.ok(!existsSync(socket));
    await assert.rejects(call(proxy.url, '/api/c'));
    assert.equal(upstream.seen.length, 2);
  });

  it('may be curl', async function () {
    const curl = requireTool(this, 'curl');
    const { upstream, socket } = await stage();
    const quiet = ['--silent', '--show-error', '--noproxy', '*', '--max-time', '10'];
    const args = [...quiet, '--unix-socket', socket, '-d', 'body', 'http://localhost/api/a'];
    const { stdout } = await promisify(execFile)(curl, args);
    assert.equal(stdout, 'fine');
    assert.deepEqual(
      upstream.seen.map(({ method, target, body }) => [method, target, body]),
      [['POST', '/a', 'body']],
    );
  });

  it('are served one request after the other on a connection, by both readers', async () => {
    const { upstream, socket } = await stage();
    const line = await dial(`unix:${socket}`);
    for (let number = 1; number <= 3; number += 1) {
      line.socket.write(`GET /api/${number} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await line.until(new RegExp(`(200 OK[^]*?fine[^]*){${number}}`));
    }
    // Two at once are no plain ones any more.
    line.socket.write('GET /api/4 HTTP/1.1\r\nHost: x\r\n\r\nGET /api/5 HTTP/1.1\r\nHost: x\r\n\r\n');
    await line.until(/(200 OK[^]*?fine[^]*){5}/);
    line.socket.destroy();
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      ['/1', '/2', '/3', '/4', '/5'],
    );
  });

  it('may call under any Host, as no name leads a browser here', async () => {
    const { socket } = await stage();
    for (const host of ['localhost', 'unix', 'tokenward', 'evil.example:8080', '127.0.0.1']) {
      assert.deepEqual(await answersTo(socket, [`Host: ${host}`]), ['200', '200'], host);
    }
  });

  it('are no pages of other sites, whose requests something in front may pass on', async () => {
    const { upstream, socket } = await stage({ hosts: ['tools.internal'] });
    for (const fields of [
      ['Host: localhost', 'Origin: https://evil.example'],
      ['Host: localhost', 'Origin: null'],
      ['Host: localhost', 'Sec-Fetch-Site: cross-site'],
    ])
      assert.deepEqual(await answersTo(socket, fields), ['cross_site_refused', 'cross_site_refused'], fields.join());
    assert.equal(upstream.seen.length, 0);
    assert.deepEqual(await answersTo(socket, ['Host: localhost', 'Origin: https://tools.internal']), ['200', '200']);
  });

  it('leave the rules of the port beside it as they are', async () => {
    const { proxy, upstream } = await stage({ host: '127.0.0.1', port: 0 });
    assert.equal(ownCode(await call(proxy.url, '/api/a', { headers: { host: 'evil.example' } })), 'host_refused');
    assert.equal(upstream.seen.length, 0);
  });

  it('show the required header and their key as everybody else', async () => {
    const { socket } = await stage({ requireHeader: 'X-Our-Request' }, WITH_KEYS);
    const key = `X-Tokenward-Key: ${KEY}`;
    assert.deepEqual(await answersTo(socket, ['Host: x', key]), ['required_header_missing', 'required_header_missing']);
    const own = ['Host: x', 'X-Our-Request: 1'];
    assert.deepEqual(await answersTo(socket, own), ['caller_key_missing', 'caller_key_missing']);
    assert.deepEqual(await answersTo(socket, [...own, key]), ['200', '200']);
  });

  it('are one address to whoever counts wrong keys: they are all made to wait, and nobody at the port is', async () => {
    const { proxy, socket } = await stage({ host: '127.0.0.1', port: 0 }, WITH_KEYS);
    const by = async (base: string, key: string): Promise<number> => {
      return (await call(base, '/api/a', { headers: { 'x-tokenward-key': key } })).status;
    };
    for (let guess = 0; guess < 20; guess += 1) assert.equal(await by(`unix:${socket}`, `guess-${guess}`), 403);
    assert.equal(await by(`unix:${socket}`, 'guess'), 429);
    assert.equal(await by(`unix:${socket}`, KEY), 200);
    assert.equal(await by(proxy.url, 'guess'), 403);
  });

  it('are "unknown" in X-Forwarded-For, which has no word for them', async () => {
    const { upstream, socket } = await stage({}, {}, { forwarded: 'add' });
    assert.deepEqual(await answersTo(socket, ['Host: shop:80', 'X-Forwarded-For: 10.0.0.1']), ['200', '200']);
    for (const { rawHeaders } of upstream.seen) {
      const said = ['for', 'host', 'proto'].flatMap((what) => headerValues(rawHeaders, `x-forwarded-${what}`));
      assert.deepEqual(said, ['unknown', 'shop:80', 'http']);
    }
  });
});
