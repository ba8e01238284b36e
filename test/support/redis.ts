import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { temporaryFolder } from './proxy.ts';

/** A real redis-server of the test's own. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Kills it without warning; `start` brings it back, with what it had on disk. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the program `command` (found by requireTool) on a free port; `args` are further settings. */
export async function startRedis(command: string, args: readonly string[] = []): Promise<RedisServer> {
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
  const start = async (): Promise<void> => {
    child = spawn(command, ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', ...args], { stdio: 'ignore' });
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await start();
  return {
    port, kill, start,
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
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
