import { z } from 'zod';
import { isLoopback } from '../../loopback.ts';
import { isUrl } from '../urls.ts';
import { accountPattern, keyDigest, name } from './values.ts';

/** One of `callers`. */
const caller = z
  .strictObject({
    name,
    key: keyDigest.optional(),
    certificate: z
      .string()
      .min(1)
      .optional()
      .describe('A DNS or URI subject alternative name of the client certificate; without any, the common name.'),
    jwt: z
      .string()
      .min(1)
      .optional()
      .describe("The value of the claim jwt.claim in the caller's JWT, such as system:serviceaccount:shop:backend."),
    routes: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('Prefixes of the routes that the caller may use. Default: all.'),
    account: name.optional().describe("The caller's own account, on routes with accountFrom."),
    accounts: z
      .array(accountPattern)
      .min(1)
      .optional()
      .describe(
        'Accounts the caller may name in the header of accountFrom; "*": all that the route allows. Default: ' +
          'only its own account, or all that the route allows if it has none.',
      ),
  })
  .refine(
    ({ key, certificate, jwt }) => key !== undefined || certificate !== undefined || jwt !== undefined,
    'needs a key, a certificate or a jwt',
  );

/** `callers`: the clients that may send requests. */
export const callers = z.union([z.literal('none'), z.array(caller).min(1)], {
  error: 'must be none, or a list of callers',
});

/** `jwt`: the issuer of callers' JWTs. */
export const jwt = z.strictObject({
  issuer: z.string().min(1),
  audience: z.string().min(1),
  jwks: z
    .string()
    .min(1)
    .refine(
      isKeySet,
      'must be an https:// URL (http:// only for this host itself) or the path of a file: who can ' +
        'change it can sign for every caller',
    )
    .describe("The issuer's JWKS: an https URL, or the path of a file."),
  claim: z.string().min(1).default('sub'),
});

/** The path of a file, or a URL that cannot be intercepted on the network. */
function isKeySet(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) return true;
  if (!isUrl(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopback(hostname);
}
