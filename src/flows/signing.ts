import { type DpopNonces, dpopSigner } from './oauth/dpop.ts';
import { challengeOf } from './oauth/www-authenticate.ts';
import type { Sign } from './sign/schema.ts';
import { DigestSession } from './sign/digest-session.ts';
import type { RequestToSign, Signature, Signer } from './sign/request-to-sign.ts';
import { makeSigner } from './sign/signer.ts';
import type { TemplateValues } from './template.ts';

/** Signs one account's requests, perhaps in several ways. */
export class Signing {
  readonly #signers: Promise<readonly Signer[]>;
  readonly #digest: DigestSession | undefined;
  readonly #nonces: DpopNonces;

  /**
   * `dpopKey`: the key to which the token is bound (RFC 9449); `nonces`: what upstreams want in its proofs, which
   * outlasts the token. Throws an UnfillableError for credentials that Digest
   * cannot carry; the others report theirs when they sign.
   */
  constructor(configs: readonly Sign[], values: TemplateValues, dpopKey: string | undefined, nonces: DpopNonces) {
    this.#nonces = nonces;
    const digest = configs.find((one) => one.sign === 'digest');
    this.#digest = digest === undefined ? undefined : new DigestSession(digest, values);
    const alone = configs.flatMap((one) => (one.sign === 'digest' ? [] : [one]));
    const signers = alone.map((one) => makeSigner(one, values));
    if (dpopKey !== undefined)
      signers.push(Promise.resolve(dpopSigner(String(values['token']), dpopKey, this.#nonces)));
    this.#signers = Promise.all(signers);
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

  /**
   * Whether a 401 is a challenge that a replay can answer: one of Digest, or for a DPoP nonce. `header`: a field of the
   * response. `sent`: the signatures of the request.
   */
  challenged(origin: string, header: (name: string) => string | undefined, sent: readonly Signature[]): boolean {
    const challenge = header('www-authenticate');
    const nonce = this.#nonces.note(origin, { 'dpop-nonce': header('dpop-nonce') });
    if (nonce !== undefined && challengeOf(401, challenge) === 'use_dpop_nonce') return true;
    return challenge !== undefined && (this.#digest?.challenged(challenge, sent.at(-1)) ?? false);
  }
}
