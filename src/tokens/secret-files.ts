import type { AccountRecords } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import type { Parts } from './options.ts';

/**
 * Least interval between two reads of the files of refused credentials, which are read only when a token is requested.
 * ms.
 */
const SECRET_REREAD_INTERVAL_MS = 30_000;

/** The files that secrets come from, read again when their content was refused. */
export class SecretFiles {
  readonly #parts: Parts;
  readonly #records: AccountRecords;

  constructor(parts: Parts, records: AccountRecords) {
    this.#parts = parts;
    this.#records = records;
  }

  /** True: a file with secrets of the account has changed, and its content is used from now on. */
  async reread({ credential }: AccountState): Promise<boolean> {
    const changed = (await credential.reread?.()) === true;
    if (changed) this.#parts.observer.secretChanged?.(credential);
    return changed;
  }

  /** Refused credentials may have been corrected since, in the file they come from. */
  async rereadIfDue(state: AccountState): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (!state.credentialsRefused || now < state.secretsRereadAt) return;
    state.postponeSecretReread(now + SECRET_REREAD_INTERVAL_MS);
    if (await this.reread(state)) this.#records.adopt(state, await this.#records.read(state));
  }
}
