import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { createClient } from 'redis';
import { temporaryFolder } from './proxy.ts';
import { freePort } from './wire.ts';

/** A real redis-server of the test's own. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Kills it without warning; `start` brings it back, with what it had on disk. */
  kill(): Promise<void>;
  /** `more`: settings for this start alone. */
  start(more?: readonly string[]): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** One command, over a connection of its own. */
  command(...args: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts the program `command` (found by requireTool) on a free port; `args` are further settings. */
export async function startRedis(
  command: string,
  args: readonly string[] = [],
  { plain = true }: { plain?: boolean } = {},
): Promise<RedisServer> {
  const folder = temporaryFolder();
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = undefined;
  };
  const start = async (more: readonly string[] = []): Promise<void> => {
    const place = plain ? ['--port', String(port)] : ['--port', '0', '--tls-port', String(port)];
    child = spawn(
      command,
      [
        ...place,
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--save',
        '',
        ...args,
        ...more,
      ],
      { stdio: 'ignore' },
    );
    while (!(await (plain ? answers(port) : listens(port)))) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await start();
  return {
    port,
    kill,
    start,
    url: `${plain ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    signal: (signal) => void child?.kill(signal),
    command: (...given) => redisCommand(port, ...given),
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One command to the server on this port of loopback. */
export async function redisCommand(port: number, ...args: string[]): Promise<unknown> {
  const client = createClient({ RESP: 2, url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } }).on(
    'error',
    () => undefined,
  );
  await client.connect();
  try {
    return await client.sendCommand(args);
  } finally {
    client.destroy();
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.write('PING\r\n'));
    // -NOAUTH and -LOADING are answers too, but only the second wants more patience.
    socket.on('data', (data) => {
      socket.destroy();
      resolve(!data.toString().startsWith('-LOADING'));
    });
    socket.on('error', () => resolve(false));
  });
}
