import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A listener that could not start; `message` says which and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Starts listening. `fd`: on a socket that is bound already, at this address. Rejects with a ListenError that names
 * address and cause.
 */
export function listen(
  server: Server | TlsServer,
  host: string,
  port: number,
  listenerName: string,
  fd?: number,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const reason =
        error.code === 'EADDRINUSE'
          ? 'the port is in use; stop the other program or choose another port'
          : error.code === 'EACCES'
            ? 'not permitted; choose a port above 1023'
            : error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND'
              ? 'this machine has no such address'
              : (error.code ?? error.message);
      reject(new ListenError(`Cannot listen on ${host}:${port} (${listenerName}): ${reason}.`));
    };
    server.once('error', failed);
    server.listen(fd === undefined ? { host, port, backlog: 4_096 } : { fd, backlog: 4_096 }, () => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    });
  });
}
