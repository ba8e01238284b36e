import { rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { Dependencies } from '../../src/app/build.ts';
import { withAuthorities } from '../../src/app/open-authorities.ts';
import { authorityHosts } from '../../src/config/authority-hosts.ts';
import { parseConfig } from '../../src/config/load.ts';
import { startCustomProxy } from './custom-proxy.ts';
import { recorder, temporaryFolder, type ConfigObject, type RunningProxy } from './proxy.ts';

/** A tokenward that is also a forward proxy, with its authority. */
export interface RunningForwardProxy extends RunningProxy {
  readonly port: number;
  /** What clients must trust, PEM, and a file with it. */
  readonly authority: string;
  readonly authorityFile: string;
}

/** A configuration needs a route. */
const UNUSED_ROUTE = [{ prefix: '/unused', upstream: 'http://127.0.0.1:1' }];
const ACCOUNTS = { fixed: { flow: 'static', credentials: { token: 'unused' } } };

/**
 * Starts one with a configuration of the test's own; `listen.forward` is true unless it says otherwise, or has a
 * list of listeners.
 */
export async function startForwardProxy(
  config: ConfigObject,
  surroundings: Partial<Dependencies> = {},
): Promise<RunningForwardProxy> {
  const folder = temporaryFolder();
  const store = { type: 'embedded', path: join(folder, 'store') };
  const { accounts = {}, routes = UNUSED_ROUTE } = config as { accounts?: object; routes?: unknown };
  const ofAuthority = parseConfig(JSON.stringify({ store, accounts: { ...ACCOUNTS, ...accounts }, routes }), {});
  const hosts = authorityHosts(ofAuthority);
  const dependencies = { log: recorder([]), owner: 'test/authority', ownerIsGone: () => false };
  const authority =
    hosts.length === 0
      ? ''
      : (await withAuthorities(ofAuthority, dependencies, { onlyRead: false }, async (authorities) => {
          return (await authorities.make({ hosts })).authority.certificate;
        }))!;
  const authorityFile = join(folder, 'ca.pem');
  writeFileSync(authorityFile, authority);
  const own = config['listen'] as object | undefined;
  const listen = Array.isArray(own) ? own : { forward: true, ...own };
  const proxy = await startCustomProxy({ store, routes, ...config, listen }, surroundings);
  return {
    ...proxy,
    port: proxy.app.proxyAddresses[0]!.port!,
    authority,
    authorityFile,
    async stop() {
      await proxy.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The response to a CONNECT. */
export interface Connected {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The tunnel, if there is one. */
  readonly socket: Socket;
}

/** Sends CONNECT. `headers` may have Proxy-Authorization. */
export async function connectThrough(
  proxy: { readonly port: number },
  target: string,
  headers: Record<string, string> = {},
): Promise<Connected> {
  const asking = request({
    host: '127.0.0.1',
    port: proxy.port,
    method: 'CONNECT',
    path: target,
    headers,
    agent: false,
  });
  asking.end();
  return new Promise((resolve, reject) => {
    asking.on('error', reject);
    asking.on('connect', (response, socket: Socket, head: Buffer) => {
      const { statusCode: status = 0, headers: fields } = response;
      if (status === 200) return resolve({ status, headers: fields, body: head.toString(), socket });
      // node:http takes what follows a refusal for the tunnel's content.
      const pieces = [head];
      socket.on('data', (piece: Buffer) => pieces.push(piece));
      socket.on('close', () => resolve({ status, headers: fields, body: Buffer.concat(pieces).toString(), socket }));
    });
  });
}

/** A TLS connection through a tunnel to `host`. Rejects with the TLS error. */
export async function secureThrough(
  proxy: RunningForwardProxy,
  host: string,
  options: { readonly servername?: string; readonly headers?: Record<string, string>; readonly ca?: string } = {},
): Promise<TLSSocket> {
  const { socket, status, body } = await connectThrough(proxy, `${host}:443`, options.headers);
  if (status !== 200) throw new Error(`CONNECT: ${status} ${body}`);
  const { servername = host, ca = proxy.authority } = options;
  const tls = connect({ socket, servername, ca, ALPNProtocols: ['http/1.1'] });
  await once(tls, 'secureConnect');
  return tls;
}
