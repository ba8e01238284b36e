import type { Sign } from './sign/schema.ts';
import { DigestSession } from './sign/digest-session.ts';
import type { RequestToSign, Signature, Signer } from './sign/request-to-sign.ts';
import { makeSigner } from './sign/signer.ts';
import type { TemplateValues } from './template.ts';

/** The signatures of one account's requests, one behind the other. */
export class Signing {
  readonly #signers: Promise<readonly Signer[]>;
  readonly #digest: DigestSession | undefined;

  /** Throws an UnfillableError for credentials that Digest cannot carry; the others report theirs when they sign. */
  constructor(configs: readonly Sign[], values: TemplateValues) {
    const digest = configs.find((one) => one.sign === 'digest');
    this.#digest = digest === undefined ? undefined : new DigestSession(digest, values);
    const alone = configs.flatMap((one) => (one.sign === 'digest' ? [] : [one]));
    this.#signers = Promise.all(alone.map((one) => makeSigner(one, values)));
    // Whoever signs gets the error.
    this.#signers.catch(() => undefined);
  }

  /** The signatures of a request. Rejects with an UnfillableError if it cannot be signed. */
  async sign(request: RequestToSign): Promise<readonly Signature[]> {
    const signers = await this.#signers;
    const signatures = signers.map((signer) => signer(request));
    if (this.#digest !== undefined) signatures.push(this.#digest.sign(request));
    return signatures;
  }

  /** Whether a 401 with this WWW-Authenticate is a challenge that a replay can answer. `sent`: of that request. */
  challenged(wwwAuthenticate: string, sent: readonly Signature[]): boolean {
    return this.#digest?.challenged(wwwAuthenticate, sent.at(-1)) ?? false;
  }
}
