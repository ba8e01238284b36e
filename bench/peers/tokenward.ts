import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { versionOf } from '../machine.ts';
import { BenchError } from '../processes.ts';
import { nodeOf } from '../tools.ts';
import type { Peer, PeerSetup } from './peer.ts';

const digest = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;

/**
 * Everything on, as somebody would run it: several callers with keys, several routes, ChatApp's flow (which has every
 * 200 reply looked into).
 */
function config({ folder, upstreamPort, tokenEndpoint, callerKey, upstreamConnections }: PeerSetup): string {
  return `listen:   { host: 127.0.0.1, port: 0 }
operator: { host: 127.0.0.1, port: 0 }
store:    { type: embedded, path: ${JSON.stringify(join(folder, 'data'))} }
log:      { level: info }
callers:
  - { name: billing, key: "${digest(`${callerKey}-billing`)}" }
  - { name: shop, key: "${digest(callerKey)}", routes: [/crm, /crm-archive] }
  - { name: reports, key: "${digest(`${callerKey}-reports`)}" }
accounts:
  crm:
    flow: chatapp
    baseUrl: ${tokenEndpoint}
    credentials: { email: bench@example.com, password: bench, appId: bench }
routes:
  - { prefix: /crm, upstream: "http://127.0.0.1:${upstreamPort}/crm", account: crm${upstreamConnections === undefined ? '' : `, maxConnections: ${upstreamConnections}`} }
  - { prefix: /crm-archive, upstream: "http://127.0.0.1:${upstreamPort}/crm", account: crm }
  - { prefix: /open, upstream: "http://127.0.0.1:${upstreamPort}/crm" }
`;
}

/** The other major versions of Node that tokenward is measured on. */
export const NODES: readonly number[] = [20, 24, 26].filter(
  (major) => major !== Number(process.versions.node.split('.')[0]),
);

interface Build {
  readonly name: string;
  /** A built checkout. */
  readonly checkout: string;
  /** The folder for a CPU profile. */
  readonly cpuProf?: string | undefined;
  /** Run by another major version of Node than this benchmark. */
  readonly major?: number;
}

/** One build of tokenward on one Node. */
export function tokenward({ name, checkout, cpuProf, major }: Build): Peer {
  const main = resolve(checkout, 'dist/main.js');
  const node = major === undefined ? process.execPath : nodeOf(major);
  const about =
    major !== undefined
      ? `the same build on Node ${major}`
      : 'everything on: caller keys, kept bodies, replies looked into, metrics';
  return {
    name,
    about: name.startsWith('tokenward') ? about : 'another build of tokenward, set up likewise',
    keepsAlive: true,
    mustNotFail: true,
    ...(major !== undefined && { slowRunsOnly: true }),
    missing: () =>
      node === undefined
        ? `Node ${major} is not installed`
        : existsSync(main)
          ? undefined
          : `${name} is not built (npm run build)`,
    async start(setup) {
      const { processes, folder, cpu, callerKey } = setup;
      const file = join(folder, 'proxy.config.yaml');
      writeFileSync(file, config(setup), { mode: 0o600 });
      const profile: string[] = [];
      if (cpuProf !== undefined) {
        mkdirSync(cpuProf, { recursive: true });
        profile.push('--cpu-prof', `--cpu-prof-dir=${resolve(cpuProf)}`);
      }
      const started = processes.start(node!, [...profile, main, 'serve', '-c', file], { cpu });
      const [, port, operatorPort] = await started.prints(
        /"address":"http:\/\/127\.0\.0\.1:(\d+)".*"detail":"operator on http:\/\/127\.0\.0\.1:(\d+)"/,
      );
      const crm = `http://127.0.0.1:${port!}/crm`;
      const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${operatorPort!}/metrics`)).text();
      return {
        port: Number(port),
        pids: [started.pid],
        version: `${(JSON.parse(readFileSync(resolve(checkout, 'package.json'), 'utf8')) as { version: string }).version}, Node ${versionOf(node!, '--version')}`,
        stop: () => started.stop(),

        async verify() {
          const anonymous = await fetch(`${crm}/verify`);
          if (anonymous.status !== 401)
            throw new BenchError(
              `${name} answers a caller without a key with ${anonymous.status}: the caller check is off`,
            );
          // A 200 that says "dead token" in its body must bring about a renewal.
          const before = grantsIn(await metrics());
          await fetch(`${crm}/dead`, { headers: { 'x-tokenward-key': callerKey } });
          const after = grantsIn(await metrics());
          if (after <= before)
            throw new BenchError(
              `${name} has not renewed its token upon a dead-token reply: replies are not looked into`,
            );
        },

        async verifyAfter(requests) {
          const counted = sum(await metrics(), /^tokenward_requests_total\{route="\/crm",status="2xx"\} (\d+)/gm);
          if (counted < requests)
            throw new BenchError(`${name} has counted ${counted} requests of at least ${requests}: metrics are off`);
        },
      };
    },
  };
}

function grantsIn(metrics: string): number {
  return sum(metrics, /^tokenward_renewals_total\{[^}]*outcome="granted"[^}]*\} (\d+)/gm);
}

function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
}
