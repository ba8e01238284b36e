import { chmodSync, existsSync, lstatSync, unlinkSync, type BigIntStats } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ListenError } from './listen.ts';

/*
 * A Unix socket is a file, and outlives a process that was killed: nothing can listen on its path then until somebody
 * removes it. Whoever stops in good order removes it itself: libuv does when the listener closes.
 */

/**
 * Makes way for a socket at this path: removes one on which nobody answers any more. Rejects with a ListenError if
 * somebody does, or if what is there is no socket; then nothing is touched.
 */
export async function freeSocketFile(path: string, what: string): Promise<void> {
  const found = statIfPresent(path);
  // What cannot be looked at cannot be listened on either, which will say why.
  if (found === undefined) return;
  if (!found.isSocket()) throw listenError(path, what, NOT_A_SOCKET);
  const code = await probe(path);
  if (code === 'ENOENT') return;
  // Anything else but this leaves open whether somebody listens: a full queue (EAGAIN), say, or no right to connect.
  if (code === 'EACCES' || code === 'EPERM') throw listenError(path, what, OTHER_USERS);
  if (code !== 'ECONNREFUSED') throw listenError(path, what, IN_USE);
  // Meanwhile another process may have done the same and listen there by now. Inodes are given anew, times are not.
  const now = statIfPresent(path);
  if (now === undefined) return;
  if (now.ino !== found.ino || now.ctimeNs !== found.ctimeNs) throw listenError(path, what, IN_USE);
  try {
    unlinkSync(path);
  } catch (error) {
    const why = `the socket of an earlier process is still there and cannot be removed (${codeOf(error)}); remove it`;
    throw listenError(path, what, why);
  }
}

/** Starts listening on a path that is free. It never lets in more than `mode` does. Rejects with a ListenError. */
export function listenOnSocket(server: Server, path: string, mode: number, what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(listenError(path, what, reasonOf(codeOf(error), path)));
    server.once('error', failed);
    // In a worker it is the primary that binds, with the umask that worker-pool.ts has set for it.
    const before = setSocketUmask(mode);
    try {
      server.listen({ path, backlog: 4_096 }, () => {
        server.off('error', failed);
        try {
          // A folder's default ACL counts instead of the umask; and what another worker has bound has that one's mode.
          chmodSync(path, mode);
          resolve(path);
        } catch (error) {
          failed(error);
        }
      });
    } finally {
      process.umask(before);
    }
  });
}

/** From now on sockets are made with this mode. Gives back the umask there was. */
export function setSocketUmask(mode: number): number {
  return process.umask(0o777 & ~mode);
}

const IN_USE = 'the socket is in use; stop the other program or choose another path';
const OTHER_USERS = "another user's socket is there; stop their program or choose another path";
const NOT_A_SOCKET = 'there is something else under this name, which stays as it is; choose another path';
const NO_FOLDER = 'its folder is not there; make it or choose another path';
const FORBIDDEN = 'not permitted; choose a folder this user may write';

/** Why the system would not have it, in words. */
function reasonOf(code: string, path: string): string {
  if (code === 'EADDRINUSE') return IN_USE;
  // libuv says EACCES where the system has said ENOENT.
  if (code === 'ENOTDIR' || !existsSync(dirname(path))) return NO_FOLDER;
  return ['EACCES', 'EPERM', 'EROFS'].includes(code) ? FORBIDDEN : code;
}

function listenError(path: string, what: string, why: string): ListenError {
  return new ListenError(`Cannot listen on ${path} (${what}): ${why}.`);
}

function statIfPresent(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** What connecting comes to: the code of the error, or nothing if somebody answers. */
function probe(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => (socket.destroy(), resolve(undefined)));
    socket.once('error', (error) => resolve(codeOf(error)));
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
