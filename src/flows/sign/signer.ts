import type { TemplateValues } from '../template.ts';
import { aws4Signer } from './aws4.ts';
import { hmacSigner } from './hmac.ts';
import { oauth1Signer } from './oauth1.ts';
import { randomNonce } from './parts.ts';
import type { Signer } from './request-to-sign.ts';
import type { Sign } from './schema.ts';

/** Digest answers a challenge of the upstream, so it has a session of its own: digest-session.ts. */
export type SignAlone = Exclude<Sign, { sign: 'digest' }>;

/**
 * Makes the signer of one account. `values`: its credentials, the answers of its login and made values. Rejects with an
 * UnfillableError that repeats no value. The library of AWS signatures is loaded for them only.
 */
export async function makeSigner(config: SignAlone, values: TemplateValues, nonce = randomNonce): Promise<Signer> {
  switch (config.sign) {
    case 'aws4':
      return await aws4Signer(config, values);
    case 'oauth1':
      return oauth1Signer(config, values, nonce);
    case 'hmac':
      return hmacSigner(config, values, nonce);
  }
}
