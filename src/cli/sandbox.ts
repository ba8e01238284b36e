import { ListenError } from '../http/server/listen.ts';
import { sandboxConfig } from '../sandbox/config.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { print } from './options.ts';
import { UsageError } from './usage-error.ts';

/** `tokenward sandbox`, until a signal ends it. */
export async function sandbox(options: { readonly host: string; readonly port: string }): Promise<void> {
  const basePort = Number(options.port);
  if (!Number.isInteger(basePort) || basePort < 0 || basePort > 65_000) {
    throw new UsageError('--port must be a port number');
  }
  const running = await startSandbox({ host: options.host, basePort }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ListenError(
        `The sandbox needs the nine ports from ${basePort} on ${options.host}, ` +
          'and one of them is in use. Choose others with --port.',
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EACCES') {
      throw new ListenError(
        `The sandbox cannot listen on ${options.host} (${code}). ` +
          'Choose another address with --host, or ports with --port.',
      );
    }
    throw error;
  });
  print(
    `# The sandbox is up; its control API is at ${running.urls.control}\n` +
      `# A configuration that goes with it:\n${sandboxConfig(running)}`,
  );
  const stop = (): void => {
    void running.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
