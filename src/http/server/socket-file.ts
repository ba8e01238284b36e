import { chmodSync, existsSync, lstatSync, unlinkSync, type BigIntStats } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ListenError } from './listen.ts';

/*
 * A Unix socket is a file that outlives a killed process: nothing can listen on its path until it is removed. A regular
 * stop removes it: libuv does so when the listener closes.
 */

/**
 * Removes a socket at this path on which no process listens. Rejects with a ListenError if one does, or if the file is
 * not a socket; then nothing is changed.
 */
export async function freeSocketFile(path: string, listenerName: string): Promise<void> {
  const existing = statIfPresent(path);
  // If stat fails, listening fails too and reports why.
  if (existing === undefined) return;
  if (!existing.isSocket()) throw listenError(path, listenerName, NOT_A_SOCKET);
  const code = await probe(path);
  if (code === 'ENOENT') return;
  // Any other code leaves open whether a process listens: a full queue (EAGAIN), for example, or no permission to
  // connect.
  if (code === 'EACCES' || code === 'EPERM') throw listenError(path, listenerName, OTHER_USERS);
  if (code !== 'ECONNREFUSED') throw listenError(path, listenerName, IN_USE);
  // Another process may have done the same meanwhile, and listen there now. An inode number can be reused, a change
  // time cannot.
  const now = statIfPresent(path);
  if (now === undefined) return;
  if (now.ino !== existing.ino || now.ctimeNs !== existing.ctimeNs) throw listenError(path, listenerName, IN_USE);
  try {
    unlinkSync(path);
  } catch (error) {
    const reason = `the socket of an earlier process still exists and cannot be removed (${codeOf(error)}); remove it`;
    throw listenError(path, listenerName, reason);
  }
}

/** Starts listening on a free path. Access is never wider than `mode`. Rejects with a ListenError. */
export function listenOnSocket(server: Server, path: string, mode: number, listenerName: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(listenError(path, listenerName, reasonOf(codeOf(error), path)));
    server.once('error', failed);
    // In a worker the primary binds, with the umask that worker-pool.ts has set.
    const before = setSocketUmask(mode);
    try {
      server.listen({ path, backlog: 4_096 }, () => {
        server.off('error', failed);
        try {
          // A default ACL of the folder overrides the umask, and a socket that another worker has bound has that
          // worker's mode.
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

/** Starts listening on a socket that is bound to the path already, by who owns its file. Rejects with a ListenError. */
export function listenOnBoundSocket(server: Server, fd: number, path: string, listenerName: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(listenError(path, listenerName, codeOf(error)));
    server.once('error', failed);
    server.listen({ fd, backlog: 4_096 }, () => {
      server.off('error', failed);
      resolve(path);
    });
  });
}

/** Sets the umask for sockets of this mode. Returns the previous umask. */
export function setSocketUmask(mode: number): number {
  return process.umask(0o777 & ~mode);
}

const IN_USE = 'the socket is in use; stop the other program or choose another path';
const OTHER_USERS = "another user's socket is there; stop their program or choose another path";
const NOT_A_SOCKET = 'the path exists and is not a socket; choose another path';
const NO_FOLDER = 'its folder does not exist; create it or choose another path';
const FORBIDDEN = 'not permitted; choose a folder this user may write';

/** Why the system refused, in words. */
function reasonOf(code: string, path: string): string {
  if (code === 'EADDRINUSE') return IN_USE;
  // libuv reports EACCES where the system reported ENOENT.
  if (code === 'ENOTDIR' || !existsSync(dirname(path))) return NO_FOLDER;
  return ['EACCES', 'EPERM', 'EROFS'].includes(code) ? FORBIDDEN : code;
}

function listenError(path: string, listenerName: string, reason: string): ListenError {
  return new ListenError(`Cannot listen on ${path} (${listenerName}): ${reason}.`);
}

function statIfPresent(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** The error code of a connection attempt; undefined if a process accepts. */
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
