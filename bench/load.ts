import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { find, versionOf } from './machine.ts';
import { BenchError, TooMuch, type Processes } from './processes.ts';

const MIB = 1024 * 1024;

export interface Load {
  /** What --loads calls it. */
  readonly key: string;
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly bodyBytes: number;
  /** Connections, each with one request under way; at a constant rate the most there may be. */
  readonly connections: number;
  /** Requests a second, sent by the clock whatever comes back; undefined: as fast as the contender answers. */
  readonly perSecond?: number;
  /** For so many requests the upstream takes one of this load: where it hands a body on to itself, two. */
  readonly upstreamCounts: number;
  /** Part of quick runs. */
  readonly quick: boolean;
}

const GET = { method: 'GET', path: '/crm/v1/chats/42?fields=name', bodyBytes: 0, upstreamCounts: 1 } as const;
const POST = { method: 'POST', path: '/crm/v1/messages', bodyBytes: 1024, upstreamCounts: 1 } as const;

export const LOADS: readonly Load[] = [
  { key: 'get', name: 'small GET', ...GET, connections: 50, quick: true },
  { key: 'post', name: 'POST 1 KiB', ...POST, connections: 50, quick: true },
  { key: 'get256', name: 'small GET, c=256', ...GET, connections: 256, quick: false },
  { key: 'post256', name: 'POST 1 KiB, c=256', ...POST, connections: 256, quick: false },
  {
    key: 'down',
    name: '1 MiB down',
    method: 'GET',
    path: '/crm/files/1m',
    bodyBytes: 0,
    connections: 50,
    upstreamCounts: 1,
    quick: false,
  },
  {
    key: 'up',
    name: '1 MiB up',
    method: 'POST',
    path: '/crm/files',
    bodyBytes: MIB,
    connections: 50,
    upstreamCounts: 2,
    quick: false,
  },
  { key: 'rate', name: 'small GET, 3,000/s', ...GET, connections: 512, perSecond: 3_000, quick: false },
];

export interface BurstResult {
  readonly requests: number;
  readonly seconds: number;
  /**
   * Microseconds. At full load mostly a measure of the queue; at a constant rate counted from when a request was to be
   * sent.
   */
  readonly p50: number;
  readonly p99: number;
  /** How late the generator itself sent, at a constant rate: microseconds. */
  readonly late?: { readonly p50: number; readonly p99: number };
}

interface Printed {
  requests: number;
  microseconds: number;
  non2xx: number;
  socketErrors: number;
  timeouts: number;
  p50: number;
  p99: number;
  late?: { p50: number; p99: number };
}

export interface LoadGenerator {
  readonly about: string;
  /**
   * A load on a port for some whole seconds. Throws a BenchError if a single answer was not 2xx or a connection failed.
   */
  burst(
    name: string,
    port: number,
    load: Load,
    seconds: number,
    more?: Readonly<Record<string, string>>,
  ): Promise<BurstResult>;
}

/** The same header fields to everybody: what a plain HTTP library sends, and the caller's key. */
export function callerHeaders(callerKey: string): Record<string, string> {
  return {
    'User-Agent': 'legacy-app/3.1',
    Accept: 'application/json',
    'Accept-Encoding': 'gzip, deflate',
    'X-Tokenward-Key': callerKey,
  };
}

const script = (name: string): string => join(import.meta.dirname, 'load', name);

/**
 * The generator of a constant rate spins to be on time, so it must make room for the upstream on its CPU at once:
 * scheduled only when nobody else wants to run. Not every container allows that.
 */
function idleClass(): readonly string[] {
  const chrt = find('chrt');
  return chrt !== undefined && spawnSync(chrt, ['--idle', '0', 'true']).status === 0 ? [chrt, '--idle', '0'] : [];
}

export function loadGenerator(processes: Processes, cpu: number | undefined, callerKey: string): LoadGenerator {
  const wrk = find('wrk');
  const idle = idleClass();
  const command = (url: string, load: Load, seconds: number, headers: readonly string[]): [string, string[]] => {
    if (load.perSecond !== undefined) {
      const [program, ...args] = [
        ...idle,
        process.execPath,
        script('rate.mjs'),
        url,
        String(load.perSecond),
        String(load.connections),
        String(seconds),
        load.method,
        String(load.bodyBytes),
        ...headers,
      ];
      return [program!, args];
    }
    if (wrk === undefined)
      return [
        process.execPath,
        [
          script('node.mjs'),
          url,
          String(load.connections),
          String(seconds),
          load.method,
          String(load.bodyBytes),
          ...headers,
        ],
      ];
    return [
      wrk,
      [
        '-t1',
        `-c${load.connections}`,
        `-d${seconds}s`,
        '--timeout',
        '10s',
        '-s',
        script('burst.lua'),
        ...headers.flatMap((line) => ['-H', line]),
        url,
        '--',
        load.method,
        String(load.bodyBytes),
      ],
    ];
  };
  const once = async (
    name: string,
    load: Load,
    seconds: number,
    program: string,
    args: readonly string[],
  ): Promise<Printed> => {
    const started = processes.start(program, [...args], { cpu });
    const stuck = setTimeout(() => void started.stop(), (seconds + 25) * 1000);
    const code = await started.ended;
    clearTimeout(stuck);
    const line = /^BURST (\{.*\})$/m.exec(started.output())?.[1];
    if (code !== 0 || line === undefined)
      throw new BenchError(
        `${name}, ${load.name}: the load generator failed: ${started.output().trim().slice(-1_000)}`,
      );
    return JSON.parse(line) as Printed;
  };
  return {
    about: `${wrk === undefined ? `a small generator in Node ${process.version} (wrk is not installed)` : `wrk ${versionOf(wrk, '-v')}`}; constant rate: a generator in Node ${process.version} on plain sockets`,
    async burst(name, port, load, seconds, more = {}) {
      const headers = Object.entries({ ...callerHeaders(callerKey), ...more }).map(
        ([field, value]) => `${field}: ${value}`,
      );
      const [program, args] = command(`http://127.0.0.1:${port}${load.path}`, load, seconds, headers);
      let printed = await once(name, load, seconds, program, args);
      // A virtual machine that was put to sleep for the length of a burst; somebody who really does not answer does not
      // do so the second time either.
      if (printed.requests === 0 && printed.timeouts === 0) printed = await once(name, load, seconds, program, args);
      const { requests, non2xx, socketErrors, timeouts, late } = printed;
      if (load.perSecond !== undefined && timeouts > 0 && non2xx + socketErrors === 0)
        throw new TooMuch(
          `${name} has not answered ${timeouts} of ${requests + timeouts} requests within 10 s of the last one`,
        );
      if (non2xx + socketErrors + timeouts > 0)
        throw new BenchError(
          `${name}, ${load.name}: of ${requests} requests ${non2xx} were not answered with 2xx, ${socketErrors} met a socket error, ${timeouts} took too long`,
        );
      if (requests === 0) throw new BenchError(`${name}, ${load.name}: not one request was answered`);
      return {
        requests,
        seconds: printed.microseconds / 1e6,
        p50: printed.p50,
        p99: printed.p99,
        ...(late !== undefined && { late }),
      };
    },
  };
}
