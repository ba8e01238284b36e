import type { AccountRecords } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import type { Parts } from './options.ts';

/**
 * The files of credentials that were refused are looked at again no sooner than this, and only when somebody asks for a
 * token. ms.
 */
const SECRET_REREAD_MS = 30_000;

/** The files that secrets come from, read again when what they said was refused. */
export class SecretFiles {
  readonly #parts: Parts;
  readonly #records: AccountRecords;

  constructor(parts: Parts, records: AccountRecords) {
    this.#parts = parts;
    this.#records = records;
  }

  /** True: a file that the account's secrets come from has changed, and what it says is used from now on. */
  async reread({ credential }: AccountState): Promise<boolean> {
    const changed = (await credential.reread?.()) === true;
    if (changed) this.#parts.observer.secretChanged?.(credential);
    return changed;
  }

  /** Credentials that were refused may have been put right since, in the file they come from. */
  async rereadIfDue(state: AccountState): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (!state.credentialsRefused || state.credential.reread === undefined || now < state.secretsRereadAt) return;
    state.postponeSecretReread(now + SECRET_REREAD_MS);
    if (await this.reread(state)) this.#records.adopt(state, await this.#records.read(state));
  }
}
