import { join } from 'node:path';
import { find, versionOf } from './machine.ts';
import { BenchError, type Processes } from './processes.ts';

export const CONNECTIONS = 50;

export interface Load {
  /** What --loads calls it. */
  readonly key: string;
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly bodyBytes: number;
}

export const LOADS: readonly Load[] = [
  { key: 'get', name: 'small GET', method: 'GET', path: '/crm/v1/chats/42?fields=name', bodyBytes: 0 },
  { key: 'post', name: 'POST 1 KiB', method: 'POST', path: '/crm/v1/messages', bodyBytes: 1024 },
];

export interface BurstResult {
  readonly requests: number;
  readonly seconds: number;
  /** Microseconds. At full load, so mostly a measure of the queue. */
  readonly p50: number;
  readonly p99: number;
}

interface Printed {
  requests: number;
  microseconds: number;
  non2xx: number;
  socketErrors: number;
  timeouts: number;
  p50: number;
  p99: number;
}

export interface LoadGenerator {
  readonly about: string;
  /** Full load on a port for some whole seconds. Throws a BenchError if a single answer was not 2xx or a connection failed. */
  burst(name: string, port: number, load: Load, seconds: number): Promise<BurstResult>;
}

/** The same header fields to everybody: what a plain HTTP library sends, and the caller's key. */
export function callerHeaders(callerKey: string): Record<string, string> {
  return { 'User-Agent': 'legacy-app/3.1', Accept: 'application/json', 'Accept-Encoding': 'gzip, deflate', 'X-Tokenward-Key': callerKey };
}

export function loadGenerator(processes: Processes, cpu: number | undefined, callerKey: string): LoadGenerator {
  const wrk = find('wrk');
  const headers = Object.entries(callerHeaders(callerKey)).map(([name, value]) => `${name}: ${value}`);
  const command = (url: string, load: Load, seconds: number): [string, string[]] => wrk === undefined
    ? [process.execPath, [join(import.meta.dirname, 'load/node.mjs'), url, String(CONNECTIONS), String(seconds), load.method, String(load.bodyBytes), ...headers]]
    : [wrk, ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', join(import.meta.dirname, 'load/burst.lua'), ...headers.flatMap((line) => ['-H', line]), url, '--', load.method, String(load.bodyBytes)]];
  return {
    about: wrk === undefined ? `a small generator in Node ${process.version} (wrk is not installed)` : `wrk ${versionOf(wrk, '-v')}`,
    async burst(name, port, load, seconds) {
      const [program, args] = command(`http://127.0.0.1:${port}${load.path}`, load, seconds);
      const started = processes.start(program, args, { cpu });
      const stuck = setTimeout(() => void started.stop(), (seconds + 15) * 1000);
      const code = await started.ended;
      clearTimeout(stuck);
      const line = /^BURST (\{.*\})$/m.exec(started.output())?.[1];
      if (code !== 0 || line === undefined) throw new BenchError(`${name}, ${load.name}: the load generator failed: ${started.output().trim().slice(-1_000)}`);
      const printed = JSON.parse(line) as Printed;
      const { requests, non2xx, socketErrors, timeouts } = printed;
      if (non2xx + socketErrors + timeouts > 0) throw new BenchError(`${name}, ${load.name}: of ${requests} requests ${non2xx} were not answered with 2xx, ${socketErrors} met a socket error, ${timeouts} took too long`);
      if (requests === 0) throw new BenchError(`${name}, ${load.name}: not one request was answered`);
      return { requests, seconds: printed.microseconds / 1e6, p50: printed.p50, p99: printed.p99 };
    },
  };
}
