import { readdirSync } from 'node:fs';
import { keyDigest } from '../../src/proxy/caller.ts';
import { metric } from '../support/call.ts';
import { freePort } from '../support/wire.ts';
import { BESIDE, HOST, KEY, NAME, SECOND } from './corpus/t-tunnels.ts';
import { EgressServer } from './egress-server.ts';
import { echo, RawServer } from './raw-server.ts';
import { FORWARD_TOKEN, startForwardProxy, type Subject } from './subjects.ts';
import type { Watched } from './judge-requests.ts';

/** A tokenward that is a forward proxy, between servers of ours. */
export interface ForwardSubject extends Watched {
  readonly subject: Subject;
  /** Behind the routes. */
  readonly api: RawServer;
  /** Behind the route of well-behaved clients. */
  readonly beside: RawServer;
  /** The egress proxy, and every host behind it. */
  readonly outside: EgressServer;
  readonly authority: string;
  readonly operatorPort: number;
  /** What the metric says of tunnels that are open. */
  tunnelsOpen(): Promise<number>;
  /** Descriptors of the process; undefined where the system does not tell. */
  descriptors(): number | undefined;
}

export interface ForwardStage {
  readonly open: ForwardSubject;
  readonly keyed: ForwardSubject;
  stop(): Promise<void>;
}

/** Two forward proxies: one that asks nobody for a key, and one that does and has an egress proxy. */
export async function startForwardStage(engine: 'fast' | 'express'): Promise<ForwardStage> {
  const [api, beside] = [new RawServer(echo), new RawServer(echo)];
  const outside = new EgressServer();
  const [apiPort, besidePort, outsidePort] = await Promise.all([api.listen(), beside.listen(), outside.listen()]);
  const upstreams = {
    [HOST]: `http://127.0.0.1:${apiPort}/base`,
    [NAME]: `http://127.0.0.1:${apiPort}/base`,
    [SECOND]: `http://127.0.0.1:${apiPort}/second`,
    [BESIDE]: `http://127.0.0.1:${besidePort}/base`,
    '/api': `http://127.0.0.1:${apiPort}/base`,
  };
  const start = async (keys: readonly string[] | undefined, egressProxy: string): Promise<ForwardSubject> => {
    const ports = { proxy: await freePort(), operator: await freePort() };
    const { subject, authority } = await startForwardProxy({ engine, ports, upstreams, keys, egressProxy });
    return {
      subject,
      api,
      beside,
      outside,
      authority,
      operatorPort: ports.operator,
      self: '',
      token: () => FORWARD_TOKEN,
      tunnelsOpen: () => metric(`http://127.0.0.1:${ports.operator}`, 'tokenward_tunnels_open', {}),
      descriptors: () => {
        try {
          return readdirSync(`/proc/${subject.pid}/fd`).length;
        } catch {
          return undefined;
        }
      },
    };
  };
  const open = await start(undefined, 'none');
  const keyed = await start([keyDigest(KEY)], `http://127.0.0.1:${outsidePort}`);
  return {
    open,
    keyed,
    async stop() {
      await Promise.all([open.subject.stop(), keyed.subject.stop()]);
      await Promise.all([api, beside, outside].map((server) => server.close()));
    },
  };
}
