import { execFile } from 'node:child_process';
import type { Logger } from '../log.ts';

/**
 * Tells systemd (Type=notify) how far the program is. The protocol is a datagram on a Unix socket, which Node cannot
 * send, so systemd's own systemd-notify does; it also waits until systemd has read it. Messages go in their order.
 */
export class Notifier {
  readonly #socket: string | undefined;
  readonly #log: Logger;
  #last: Promise<void> = Promise.resolve();

  /** Takes the socket out of the environment: no child process shall speak for this one. */
  constructor(environment: NodeJS.ProcessEnv, log: Logger) {
    this.#socket = environment['NOTIFY_SOCKET'] || undefined;
    this.#log = log;
    Reflect.deleteProperty(environment, 'NOTIFY_SOCKET');
  }

  /** It serves. */
  ready(status: string): Promise<void> {
    return this.#send(['--ready', `--status=${status}`]);
  }

  /** It stops. */
  stopping(): Promise<void> {
    // systemd-notify of systemd 252 has no --stopping.
    return this.#send(['STOPPING=1', '--status=stopping']);
  }

  /** For people who ask `systemctl status`. */
  status(text: string): Promise<void> {
    return this.#send([`--status=${text}`]);
  }

  #send(message: readonly string[]): Promise<void> {
    if (this.#socket === undefined) return this.#last;
    const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', NOTIFY_SOCKET: this.#socket };
    this.#last = this.#last.then(
      () =>
        new Promise((resolve) => {
          execFile('systemd-notify', [...message], { env, timeout: 5_000 }, (error) => {
            if (error !== null)
              this.#log.warn('systemd was not notified: the unit has Type=notify, and systemd-notify failed', {
                detail: String(error.code ?? error.signal ?? 'unknown'),
              });
            resolve();
          });
        }),
    );
    return this.#last;
  }
}
