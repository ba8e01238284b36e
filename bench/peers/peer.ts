import type { Processes } from '../processes.ts';

/** What a contender is given. All addresses are on 127.0.0.1. */
export interface PeerSetup {
  readonly processes: Processes;
  /** An empty folder of its own. */
  readonly folder: string;
  /** Where to listen, if it cannot choose a port by itself. */
  readonly port: number;
  /** The CPU to be pinned to; undefined: none. */
  readonly cpu: number | undefined;
  readonly upstreamPort: number;
  /** The value of Authorization the upstream wants. */
  readonly token: string;
  /** Where tokens are granted, for those who fetch theirs. */
  readonly tokenEndpoint: string;
  /** Connections to the upstream it must be able to hold at once, if that is more than usual. */
  readonly upstreamConnections?: number;
  /** What callers send as X-Tokenward-Key. */
  readonly callerKey: string;
}

export interface RunningPeer {
  readonly port: number;
  /** Its first processes; descendants are found. */
  readonly pids: readonly number[];
  readonly version: string;
  /** Checks of its own before the measurement: throws a BenchError if it does not do what it is here for. */
  verify?(): Promise<void>;
  /** Checks of its own afterwards; `requests` is the least it must have answered. */
  verifyAfter?(requests: number): Promise<void>;
  stop(): Promise<void>;
}

/** One contender. To add one: a file here, and a line in `all.ts`. */
export interface Peer {
  readonly name: string;
  /** What it does, in a few words. */
  readonly about: string;
  /** Whether it is supposed to keep its connections to the upstream: then losing them fails the run. */
  readonly keepsAlive: boolean;
  /** Whether a request it does not answer well fails the run, instead of taking it out of that load. */
  readonly mustNotFail?: boolean;
  /** Left out of quick runs unless asked for by name. */
  readonly slowRunsOnly?: boolean;
  /** Why it cannot run here; undefined: it can. */
  missing(): string | undefined;
  start(setup: PeerSetup): Promise<RunningPeer>;
}
