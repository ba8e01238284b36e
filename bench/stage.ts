import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadGenerator, type LoadGenerator } from './load.ts';
import type { Pinning } from './machine.ts';
import type { Contender } from './measure.ts';
import type { Peer } from './peers/peer.ts';
import { freePort } from './processes.ts';
import { progress, type Session } from './program.ts';
import { startTokenEndpoint } from './token-endpoint.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { verifyContender, verifyUpstream } from './verify.ts';

/** Upstream, token endpoint and contenders, all running and each of them proved to do its work. */
export interface Stage {
  readonly generator: LoadGenerator;
  readonly upstream: Upstream;
  /** The value of Authorization the upstream wants. */
  readonly token: string;
  readonly callerKey: string;
  readonly contenders: readonly Contender[];
  /** Stops the contenders, after the checks that some have for the end. */
  close(answered: (contender: string) => number): Promise<void>;
}

export async function setStage(
  { processes, folder }: Session,
  peers: readonly Peer[],
  pinning: Pinning | undefined,
): Promise<Stage> {
  const token = `bench-${randomBytes(24).toString('hex')}`;
  const callerKey = randomBytes(32).toString('base64url');
  const upstream = await startUpstream({ processes, folder, cpu: pinning?.others, token });
  await verifyUpstream(upstream.port, callerKey);
  const endpoint = await startTokenEndpoint(token);
  const contenders: Contender[] = [];
  for (const peer of peers) {
    progress(`starting ${peer.name}`);
    const own = join(folder, peer.name.replace(':', '-'));
    mkdirSync(own);
    const running = await peer.start({
      processes,
      folder: own,
      port: await freePort(),
      cpu: pinning?.proxy,
      upstreamPort: upstream.port,
      token,
      tokenEndpoint: endpoint.url,
      callerKey,
    });
    const contender = { peer, running };
    await verifyContender(contender, callerKey);
    contenders.push(contender);
  }
  return {
    generator: loadGenerator(processes, pinning?.others, callerKey),
    upstream,
    token,
    callerKey,
    contenders,
    async close(answered) {
      for (const { peer, running } of contenders) {
        await running.verifyAfter?.(answered(peer.name));
        await running.stop();
      }
      endpoint.close();
    },
  };
}
